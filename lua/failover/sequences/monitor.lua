-- monitor: the facts that a healthy virtual machine satisfies, asked by genw.bat. Changes nothing.
--
-- Optional facts only warn: ExpEther Manager being down is no reason to move a machine that works.
local failover = require("failover")
local gpu = require("failover.steps.gpu")
local vm = require("failover.steps.vm")

return failover.sequence "monitor" {
  vm.running,
  vm.has_gpu,
  vm.healthy,
  vm.guest_sees_gpu,
  failover.with(gpu.identified, { optional = true }),
  failover.with(gpu.in_service, { optional = true }),
}
