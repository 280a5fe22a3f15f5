-- The facts about GPUs, as sequences name them: gpu.chosen, gpu.connected, ...
local choice = require("failover.steps.gpu_choice")
local fabric = require("failover.steps.gpu_fabric")
local host = require("failover.steps.gpu_host")
local partition = require("failover.steps.gpu_partition")

return require("failover").collect("gpu", choice, fabric, host, partition)
