story "A card in quarantine that is asked for by id is taken all the same, with a remark; in service, it is forgotten"

cluster {}
local refused = fault {
  target = "ms1", match = { method = "DismountAssignableDevice" }, effect = "job fails",
  text = "the current configuration does not allow for OS control of the PCI Express bus",
}
expect(start("vme2", "ms1"), {
  exit = "failed", code = "HYPERV_NOT_ASSIGNABLE", undone = true,
  says = "0x8cdf9d911c60 is in quarantine for 600 s",
})
expect(start("vme2", "ms1"), { exit = "failed", says = "failed 2 times on ms1" })
heal(refused)
expect(start("vme2", "ms1"), { exit = "ok", says = "it is taken because it is asked for by id" })
expect_running("vme2", "ms1")

expect(stop("vme2", "ms1"), { exit = "ok" })
expect(start("vme2", "ms1"), { exit = "ok", never_says = "quarantine" })
