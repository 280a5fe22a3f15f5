story "Hyper-V refuses to dismount the GPU: the start fails there and everything is taken back"

fault {
  target = "ms1", match = { method = "DismountAssignableDevice" }, effect = "job fails",
  hresult = 0x80070032, text = "the current configuration does not allow it",
}
expect(start("vme2", "ms1"), {
  exit = "failed", failed_at = "GPU dismounted from this node", undone = true,
})
wait(2)
expect_device("0x8cdf9d911c60", "free")
