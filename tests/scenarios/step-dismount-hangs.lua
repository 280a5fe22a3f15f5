story "The job that dismounts the GPU never ends: its share of the time ends it, and everything is taken back"

fault { target = "ms1", match = { method = "DismountAssignableDevice" }, effect = "job hangs" }
expect(start("vme2", "ms1"), {
  exit = "failed", code = "WMI_JOB_TIMEOUT", failed_at = "GPU dismounted from this node",
  undone = true, within = 200,
})
wait(2)
expect_device("0x8cdf9d911c60", "free")
