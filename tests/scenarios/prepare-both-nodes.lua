story "prepare on both servers, then a start on each: the one-time set-up lasts"

cluster { vms = { vme2 = {} } }
expect(prepare("vme2", "ms1"), { exit = "ok" })
expect(prepare("vme2", "ms2"), { exit = "ok" })
expect(start("vme2", "ms1"), { exit = "ok", steps = { ["VM's settings allow a GPU"] = "already" } })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok", steps = { ["GPU driver disabled on this node"] = "already" } })
expect_running("vme2", "ms2")
