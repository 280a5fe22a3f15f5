story "The guest boots, but its heartbeat never comes: no success, the VM is turned off, the GPU goes back"

admin("guest", { vm = "vme2", silent = "always" })
expect(start("vme2", "ms1"), {
  exit = "failed", code = "NOT_REACHED", failed_at = "VM's heartbeat seen", says = "no contact", undone = true,
})
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
