story "Taking the GPU from a node that is down: a DELETE without effect is read back, and not believed"

cluster { devices = { ["0x8cdf9d911c60"] = { group_id = 50 } }, vms = { vme2 = { prepared = true, registered = {} } } }
kill "ms1"
move_disk "ms2"
fault { target = "eem", match = { verb = "DELETE" }, effect = "lie" }
expect(start("vme2", "ms2", { event = "failover" }), {
  exit = "failed", code = "EEM_NOT_APPLIED", failed_at = "GPU not held by another node",
})
expect_running("vme2", nil)
heal()
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
expect_running("vme2", "ms2")
