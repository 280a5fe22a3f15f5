story "EXPRESSCLUSTER says that the disk could not be connected: refused at once, nothing is touched"

local before = changes()
expect(start("vme2", "ms1", { disk = "failure" }), {
  exit = "refused", says = "CLP_DISK=FAILURE", changes = 0, within = 1,
})
expect_unchanged(before)
