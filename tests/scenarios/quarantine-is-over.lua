story "The only card that fits is in quarantine: said with the reason and the time, and offered again when that is over"

cluster { vm = { gpus = { { vendor = "10de", device = "1f08" } }, guest_gpu = true } }
admin("guest", { vm = "vme2", broken_driver = true })
expect(start("vme2", "ms1"), { exit = "failed", code = "VM_WITHOUT_GPU", undone = true })
admin("guest", { vm = "vme2", broken_driver = false })

local before = changes()
expect(start("vme2", "ms1"), {
  exit = "no_device", says = "QUARANTINED, in quarantine until", where = "the guest says: error", failed_at = "GPU chosen",
})
plan("vme2", "ms1")
expect_unchanged(before)
wait(580)
expect(start("vme2", "ms1"), { exit = "no_device" })
wait(20)
expect(start("vme2", "ms1"), { exit = "ok" })
