story "An old script's fault: a copy that fails is seen, and without a copy nothing is unregistered"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("delete file", { node = "ms1", path = [[G:\Hyper-V\vme2\Virtual Machines.takeover]] })
fault { target = "ms1", match = { method = "Copy" }, effect = "error", hresult = 0x80041003, text = "access denied" }
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 2, says = "stays registered" })
expect_registered("vme2", "ms1")
heal()
expect(stop("vme2", "ms1"), { exit = "ok" })
expect_registered("vme2")
