story "The copy of the configuration is not complete although Windows says so: the VM stays registered"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("delete file", { node = "ms1", path = [[G:\Hyper-V\vme2\Virtual Machines.takeover]] })
fault { target = "ms1", match = { method = "Copy" }, effect = "lie" }
expect(stop("vme2", "ms1"), { exit = "ok", says = "not equal" })
expect_registered("vme2", "ms1")
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmcx]])
