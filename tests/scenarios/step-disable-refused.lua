story "The GPU's driver cannot be disabled: the start fails there and everything is taken back"

fault { target = "ms1", match = { method = "Disable" }, effect = "error", text = "access denied" }
expect(start("vme2", "ms1"), {
  exit = "failed", failed_at = "GPU driver disabled on this node", undone = true,
})
wait(2)
expect_device("0x8cdf9d911c60", "free")
