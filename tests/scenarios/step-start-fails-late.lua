story "The start of the VM fails at 99 %: it is off again, everything is taken back, the reason is said"

fault {
  target = "ms1", match = { class = "Msvm_ComputerSystem", method = "RequestStateChange" },
  effect = "job fails", times = 1, text = "'vme2' could not initialize",
}
expect(start("vme2", "ms1"), {
  exit = "failed", failed_at = "VM running", says = "could not initialize", undone = true,
})
expect_running("vme2", nil)
