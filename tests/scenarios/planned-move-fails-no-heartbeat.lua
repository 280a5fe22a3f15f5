story "A planned move fails on ms2 (the guest never boots there): all is undone there, and the VM runs where it was"

cluster { vm = { boot_timeout = 60 } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
admin("guest", { vm = "vme2", silent = true })
expect(start("vme2", "ms2"), { exit = "failed", undone = true, failed_at = "VM's heartbeat seen" })
expect_running("vme2", nil)
admin("guest", { vm = "vme2", silent = false })
expect(stop("vme2", "ms2"), { exit = "ok" })
move_disk "ms1"
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
