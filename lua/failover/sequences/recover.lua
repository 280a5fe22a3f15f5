-- recover: puts a node in order that came back after a failure. Starts nothing.
--
-- Changes: removes a registration whose files are elsewhere, a half-finished import, and gives
-- back a GPU that is still
--   in this node's group and used by nobody here.
-- By hand, to take it back: nothing to take back; takeover start registers the machine again.
local failover = require("failover")
local gpu = require("failover.steps.gpu")
local vm = require("failover.steps.vm")

return failover.sequence "recover" {
  vm.undisturbed,
  vm.no_leftovers,
  vm.not_stale_here,
  failover.with(gpu.identified, { optional = true, within = 15 }),
  gpu.returned,
}
