story "recover while ExpEther Manager does not answer: the registration is put in order, the rest is a warning"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
boot "ms1"
admin("eem", { up = false })
expect(recover("vme2", "ms1"), { exit = "ok", says = "EEM_UNREACHABLE" })
expect_registered("vme2", "ms2")
