story "The GPU is busy for a moment when it is assigned: tried again, and it works"

fault {
  target = "ms1", match = { method = "AddResourceSettings" }, effect = "job fails", times = 2,
  text = "the device is in use",
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
