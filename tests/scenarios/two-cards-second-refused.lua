story "A VM with two cards, and the second cannot be connected: the first is given back"

cluster { vm = { gpus = { { id = "0x8cdf9d911c60" }, { id = "0x8cdf9d911c62" } } } }
fault { target = "eem", match = { verb = "PUT", path = "~911c62/group_id" }, effect = "error", http = 400, text = "no" }
expect(start("vme2", "ms1"), { exit = "failed", code = "EEM_REFUSED", undone = true })
wait(2)
expect_device("0x8cdf9d911c60", "free")
expect_device("0x8cdf9d911c62", "free")
