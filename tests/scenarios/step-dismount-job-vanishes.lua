story "The job that dismounts the GPU is forgotten before its end is seen: the fact is looked at, and is so"

fault { target = "ms1", match = { method = "DismountAssignableDevice" }, effect = "job vanishes" }
expect(start("vme2", "ms1"), {
  exit = "ok", says = "looking whether it happened",
  steps = { ["GPU dismounted from this node"] = "done" },
})
expect_running("vme2", "ms1")
