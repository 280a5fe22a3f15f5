story "The disk is given to ms1 by mistake while the VM runs on ms2: ms1 neither starts it nor takes its GPU"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
boot "ms1"
move_disk "ms1"
expect(start("vme2", "ms1", { event = "failover", evidence = "ms2 is off" }), {
  exit = "refused", says = "on ms2", changes = 0,
})
expect_device("0x8cdf9d911c60", "ms2")
move_disk "ms2"
expect(monitor("vme2", "ms2"), { exit = "ok" })
