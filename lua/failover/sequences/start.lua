-- start: brings a virtual machine and its GPU to life on this node.
--
-- Changes: the GPU's group in ExpEther Manager; its driver and dismount on this node; the
-- registration, settings,
--   devices and power of the virtual machine.
-- By hand, to take it back: turn the machine off, remove the device from it (Remove-
-- VMAssignableDevice), free the GPU in
--   ExpEther Manager (eemcli del_gid).
local failover = require("failover")
local gpu = require("failover.steps.gpu")
local vm = require("failover.steps.vm")

return failover.sequence "start" {
  vm.not_running_elsewhere,
  vm.known,
  vm.undisturbed,
  gpu.chosen,
  gpu.reserved,
  gpu.given_up,
  gpu.may_be_taken,
  failover.together {
    { gpu.released, gpu.connected, gpu.present, gpu.disabled, gpu.dismounted },
    {
      vm.has_copy, vm.without_stale_registration, vm.no_leftovers, vm.imported, vm.in_place,
      vm.valid, vm.registered, vm.without_stale_devices, vm.ready_for_gpu,
    },
  },
  gpu.assigned,
  gpu.share_assigned,
  vm.running,
  vm.healthy,
  vm.guest_sees_gpu,
  gpu.in_service,
}
