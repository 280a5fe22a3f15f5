story "A stale record of a card that is not the VM's own is not removed: only exact matches are, and the reason is said"

cluster {
  vms = { vme2 = { prepared = true, registered = "ms1", devices = { "0x8cdf9d911c62" } } },
}
admin("device", { id = "0x8cdf9d911c62", group_id = 4093 })
wait(5)
expect(start("vme2", "ms1"), {
  exit = "failed", failed_at = "VM running", says = "an assigned device cannot be found", undone = true,
})
expect_made("unassign", 1) -- the card that this run had assigned itself
expect_running("vme2", nil)
