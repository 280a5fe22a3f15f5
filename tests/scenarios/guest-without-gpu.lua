story "The guest boots but its driver does not work: running without its GPU is a failure of its own"

cluster { vm = { guest_gpu = true } }
admin("guest", { vm = "vme2", broken_driver = true })
expect(start("vme2", "ms1"), { code = "VM_WITHOUT_GPU", says = "the guest says: error", undone = true })
expect_running("vme2", nil)

admin("guest", { vm = "vme2", broken_driver = false })
expect(start("vme2", "ms1"), { exit = "ok" })
expect(monitor("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", broken_driver = true })
expect(monitor("vme2", "ms1"), { exit = "broken", says = "the guest says: error" })
