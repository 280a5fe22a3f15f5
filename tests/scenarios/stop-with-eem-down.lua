story "stop while EEM does not answer: the VM is off, a warning, success; the next start takes the GPU"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("eem", { up = false })
expect(stop("vme2", "ms1"), { exit = "ok", says = "EEM_UNREACHABLE" })
expect_running("vme2", nil)
admin("eem", { up = true })
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
expect_running("vme2", "ms2")
