story "Somebody has saved the VM by hand: start does not throw the saved state away, and says why not"

cluster { vms = { vme2 = { prepared = true } } }
by_hand("start", "vme2", "ms1")
wait(20)
by_hand("save", "vme2", "ms1")
wait(10)
expect(start("vme2", "ms1"), { exit = "refused", says = "vme2 is saved", changes = 0 })
expect_running("vme2", nil)
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmrs]])
