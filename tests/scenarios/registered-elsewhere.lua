story "The VM's id is registered on the target from another folder: refused, nothing is removed"

cluster {
  vm = { path = [[G:\Hyper-V\other]] },
  parameters = { vms = { vme2 = { id = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42" } } },
}
local before = changes()
expect(start("vme2", "ms1"), { exit = "refused", says = [[G:\Hyper-V\vme2]], changes = 0 })
if changes() ~= before then
  fail("a refused start changed something")
end
expect_registered("vme2", "ms1")
