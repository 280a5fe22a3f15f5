story "Windows says that the driver is disabled, and it is not: never believed, taken back"

fault { target = "ms1", match = { method = "Disable" }, effect = "lie" }
expect(start("vme2", "ms1"), {
  exit = "failed", failed_at = "GPU driver disabled on this node", says = "is enabled", undone = true,
})
