story "A virtual disk of the VM is not there: refused by its path, nothing is deleted"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
admin("delete file", { node = "ms1", path = [[G:\Hyper-V\vme2\Virtual Hard Disks\vme2.vhdx]] })
expect(start("vme2", "ms1"), { exit = "failed", says = "vme2.vhdx", undone = true })
expect_registered("vme2")
expect_planned("vme2")
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmcx]])
