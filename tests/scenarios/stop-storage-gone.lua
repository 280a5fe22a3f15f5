story "The disk leaves before stop comes: the VM is off, its registration stays for recover, stop succeeds"

expect(start("vme2", "ms1"), { exit = "ok" })
move_disk(nil)
wait(5)
expect(stop("vme2", "ms1"), { exit = "ok", says = "storage is not reachable", within = 10 })
expect_running("vme2", nil)
expect_registered("vme2", "ms1")
wait(2)
expect_device("0x8cdf9d911c60", "free")
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmcx]])
