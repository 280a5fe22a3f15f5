story "Plan honesty: the GPU is in this node's group already; plan leaves that out, and so does start"

cluster {
  switches = { device_returns = "dismounted", phantoms = false },
  devices = { ["0x8cdf9d911c60"] = { group_id = 50 } }, vms = { vme2 = { registered = {} } },
}
local before = changes()
local planned = plan("vme2", "ms1")
expect_unchanged(before)
local run = start("vme2", "ms1")
expect(run, { exit = "ok" })
expect_as_planned(planned, run)
