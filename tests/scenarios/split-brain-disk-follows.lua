story "A partition, and the disk was moved by hand without a decision: ms2 refuses to take the GPU"

expect(start("vme2", "ms1"), { exit = "ok" })
partition "ms1"
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "refused", code = "NO_EVIDENCE", changes = 0 })
expect_device("0x8cdf9d911c60", "ms1")
