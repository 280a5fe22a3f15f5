-- The facts about virtual machines, as sequences name them: vm.registered, vm.running, ...
local configuration = require("failover.steps.vm_configuration")
local power = require("failover.steps.vm_power")
local leaving = require("failover.steps.vm_leaving")

return require("failover").collect("vm", configuration, power, leaving)
