story "The management service answers garbage while the GPU is assigned: not believed, looked at, and it was done"

fault { target = "ms1", match = { method = "AddResourceSettings" }, effect = "garbage", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok", says = "looking whether it happened" })
expect_made("assign", 1)
