story "ms2 takes over a configuration that names the GPU at its place on ms1: that record is removed, no other"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), {
  exit = "ok", says = "removing the record of a device that is gone", steps = { ["VM without stale devices"] = "done" },
})
expect_made("unassign", 1)
expect_running("vme2", "ms2")
