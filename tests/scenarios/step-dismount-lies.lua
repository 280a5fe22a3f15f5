story "Hyper-V says that the GPU is dismounted, and it is not: never believed, taken back"

fault { target = "ms1", match = { method = "DismountAssignableDevice" }, effect = "lie" }
expect(start("vme2", "ms1"), {
  exit = "failed", code = "NOT_REACHED", failed_at = "GPU dismounted from this node", undone = true,
})
