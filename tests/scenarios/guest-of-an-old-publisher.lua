story "A publisher that does not tell when it wrote: its word is believed after two of its periods, by start as by the monitor"

cluster { vm = { guest_gpu = true } }
admin("guest", { vm = "vme2", undated = true })
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 120 })
expect(monitor("vme2", "ms1"), { exit = "unknown", says = "does not say when" })
wait(300)
expect(monitor("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", broken_driver = true })
expect(monitor("vme2", "ms1"), { exit = "broken", says = "the guest says: error" })
expect(start("vme2", "ms1"), { exit = "failed", code = "VM_WITHOUT_GPU", failed_at = "guest reports a working GPU" })
