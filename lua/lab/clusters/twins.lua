-- The worked example with a running machine of the same name on each server, which is none of ours:
-- for the explorer. Only the GUID tells them apart.
local seed = require("lab.clusters.seed")

local function namesake(number)
  local root = "C:\\Hyper-V\\twin"
  return {
    name = "twin" .. number, called = "vme2",
    id = string.format("7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1AF%d", number), root = root .. number,
    disks = { root .. number .. "\\twin.vhdx" }, adapters = { "vSwitch" }, generation = 2,
    memory = 4096, registered = "ms" .. number, running = true,
  }
end

return {
  name = "twins",
  nodes = seed.nodes, devices = seed.devices, disks = seed.disks,
  vms = { seed.vms[1], namesake(1), namesake(2) },
}
