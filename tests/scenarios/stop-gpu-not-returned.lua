story "ExpEther Manager refuses to free the GPU on stop: a warning, success; the other node takes it with evidence"

expect(start("vme2", "ms1"), { exit = "ok" })
fault { target = "eem", match = { verb = "DELETE" }, effect = "error", http = 400, text = "not permitted" }
expect(stop("vme2", "ms1"), { exit = "ok", says = "not permitted" })
heal()
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok", says = "ms1 is reachable" })
expect_running("vme2", "ms2")
