story "Taking the GPU from a node that is down: the DELETE's answer is lost, it is seen free and taken once"

cluster { devices = { ["0x8cdf9d911c60"] = { group_id = 50 } }, vms = { vme2 = { prepared = true, registered = {} } } }
kill "ms1"
move_disk "ms2"
fault { target = "eem", match = { verb = "DELETE" }, effect = "drop after", times = 1 }
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
expect_made("set group", 2)
expect_running("vme2", "ms2")
