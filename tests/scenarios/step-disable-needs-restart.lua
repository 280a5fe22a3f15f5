story "Disabling the driver wants the server restarted: said so, and nothing goes on"

cluster { switches = { reboot_needed = true } }
expect(start("vme2", "ms1"), {
  exit = "failed", code = "PNP_FAILED", says = "restart", undone = true,
  failed_at = "GPU driver disabled on this node",
})
expect_running("vme2", nil)
