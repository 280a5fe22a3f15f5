story "The configuration names a saved state whose file is gone: cleared, imported again, one remark"

cluster { switches = { crash_leaves = "saved state" } }
expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok", says = "40004" })
expect_running("vme2", "ms2")
