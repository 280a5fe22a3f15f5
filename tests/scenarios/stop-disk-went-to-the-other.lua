story "The disk went to ms2 before ms1's stop: stop succeeds, deletes nothing there, ms2 starts"

expect(start("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
wait(60)
expect(stop("vme2", "ms1"), { exit = "ok" })
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmcx]])
expect(start("vme2", "ms2"), { exit = "ok" })
expect_running("vme2", "ms2")
