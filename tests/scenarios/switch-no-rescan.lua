story "rescan = false on a node that needs it: the card is not seen, said so, taken back"

cluster { switches = { enumeration = "rescan" }, vm = { rescan = false } }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "GPU visible on this node", undone = true })
wait(2)
expect_device("0x8cdf9d911c60", "free")
