-- stop: turns the virtual machine off and leaves the GPU and the configuration to the next node.
--
-- Forgiving, because a stop script that fails makes EXPRESSCLUSTER shut the server down: only a
-- machine that cannot be
-- stopped is a failure; everything after that is a warning, and the next start cleans up.
-- Changes: power, devices and registration of the virtual machine; a copy of its configuration;
-- the GPU's group.
-- By hand, to take it back: start it again (takeover start).
local failover = require("failover")
local gpu = require("failover.steps.gpu")
local vm = require("failover.steps.vm")

return failover.sequence "stop" {
  failover.with(vm.undisturbed, { optional = true, within = 30 }),
  vm.off,
  vm.without_devices,
  failover.together {
    { failover.with(gpu.identified, { optional = true, within = 15 }), gpu.returned },
    { failover.with(vm.backed_up, { optional = true }), vm.unregistered },
  },
}
