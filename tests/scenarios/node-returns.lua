story "ms1 loses power while vme2 runs, ms2 takes over, ms1 comes back and recovers without disturbing it"

expect(start("vme2", "ms1"), { exit = "ok" })
wait(100)
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
boot "ms1"
expect(start("vme2", "ms1", { event = "recover" }), { exit = "ok", changes = 0 })
expect(recover("vme2", "ms1"), { exit = "ok" })
expect_registered("vme2", "ms2")
expect_running("vme2", "ms2")
