story "The answer to the change of a group is garbage: the device is looked at, and it was done"

fault { target = "eem", match = { verb = "PUT" }, effect = "garbage", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok", says = "looking whether it happened" })
expect_made("set group", 1)
