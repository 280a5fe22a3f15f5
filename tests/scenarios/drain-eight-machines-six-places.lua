story "ms1 is drained: eight machines run there, ms2's board takes six, and none is lost unless that is accepted"

local LETTERS = { "G", "H", "I", "J", "K", "L", "M", "N" }

local function node(number, group_id, most)
  return {
    name = "ms" .. number, address = "192.168.0.13" .. number, group_id = group_id,
    board = "0x8cdf9d911c0" .. number, max_devices = most, memory = 262144, switches = { "vSwitch" },
    location_root = "PCIROOT(" .. number .. ")#PCI(0000)#PCI(0000)",
  }
end

local fleet = { name = "fleet", nodes = { node(1, 50, 16), node(2, 150, 6) }, devices = {}, disks = {}, vms = {} }
local devices, vms, groups = {}, {}, {}
for i, letter in ipairs(LETTERS) do
  local id, name, root = "0x8cdf9d911c6" .. i, "vm" .. i, letter .. [[:\Hyper-V\vm]] .. i
  fleet.devices[i] = { id = id, serial = "EEIO" .. i, functions = { {
    vendor = "10de", device = "1f0" .. i, class = "030000", subsystem = "86F11043", name = "NVIDIA card " .. i,
    pnp_class = "Display", manufacturer = "NVIDIA", service = "nvlddmkm", low_mmio = 288, high_mmio = 8448,
    needs_force = true,
  } } }
  fleet.disks[i] = { name = letter .. ":", owner = "ms1" }
  fleet.vms[i] = {
    name = name, id = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A5" .. i, root = root, disks = { root .. [[\disk.vhdx]] },
    adapters = { "vSwitch" }, generation = 2, memory = 8192, processors = 4, registered = "ms1", prepared = true,
  }
  devices[i] = ('["%s"] = { name = "gpu%d" },'):format(id, i)
  vms[i] = ('%s = { path = [[%s]], group = "Failover-%s", priority = %d, gpus = { { id = "%s" } } },'):format(name,
    root, name, i, id)
  groups[i] = { group = "Failover-" .. name, vm = name, disk = letter .. ":", resource = "script-" .. name }
end

cluster { base = fleet, vms = {}, parameters = [[return {
  eem = { url = "http://192.168.0.150:30500/eem", user = "admin", password = secret "eem" },
  nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 } },
  devices = {]] .. table.concat(devices, "\n") .. "},\nvms = {" .. table.concat(vms, "\n") .. "},\n}" }
ecx { groups = groups }
ecx_start()
ecx_settle()

local before = changes()
local plan = drain "ms1"
if #plan.moves ~= 6 or #plan.lost ~= 2 or plan.done then
  fail("%d machines would move and %d be lost", #plan.moves, #plan.lost)
end
expect_unchanged(before)

drain("ms1", { accept_loss = true })
for i = 1, 2 do
  expect_running("vm" .. i, nil)
end
for i = 3, 8 do
  expect_running("vm" .. i, "ms2")
end
