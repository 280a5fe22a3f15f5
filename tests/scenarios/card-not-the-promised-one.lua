story "Another card is in the slot than the parameters promise: never found, never assigned, given back"

cluster { parameters = { devices = { ["0x8cdf9d911c60"] = { vendor = "10de", device = "1db6" } } } }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "GPU visible on this node", undone = true })
wait(2)
expect_device("0x8cdf9d911c60", "free")
