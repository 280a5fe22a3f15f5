-- prepare: the one-time set-up of a node and of the virtual machine, where it is registered here.
--
-- Changes: the GPU's group (it is moved here when no running machine uses it), its driver
-- (disabled, lasting), its
--   dismount, the settings of the virtual machine.
-- By hand, to take it back: Mount-VMHostAssignableDevice, Enable-PnpDevice; the machine's
-- settings may stay.
local failover = require("failover")
local gpu = require("failover.steps.gpu")
local vm = require("failover.steps.vm")
local vm_state = require("failover.vm.state")

return failover.sequence "prepare" {
  gpu.chosen,
  gpu.reserved,
  gpu.may_be_taken,
  vm.undisturbed,
  failover.with(vm.ready_for_gpu, { when = vm_state.registered }),
  gpu.released,
  gpu.connected,
  gpu.present,
  gpu.disabled,
  gpu.dismounted,
}
