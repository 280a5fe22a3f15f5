story "The GPU cannot be taken from the VM on stop: a warning, success; the next start puts it in order"

expect(start("vme2", "ms1"), { exit = "ok" })
fault { target = "ms1", match = { method = "RemoveResourceSettings" }, effect = "job fails", text = "refused" }
expect(stop("vme2", "ms1"), { exit = "ok", says = "VM without assigned devices" })
expect_running("vme2", nil)
heal()
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
expect_running("vme2", "ms2")
