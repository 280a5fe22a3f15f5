-- Four servers and three virtual machines, each with a card of a model of its own on a disk of
-- its own: for the explorer,
-- where several machines move at the same time. Made up, in the manner of the seed cluster.
local function node(number)
  return {
    name = "ms" .. number, address = "192.168.0.13" .. number, group_id = 50 + 100 * (number - 1),
    board = "0x8cdf9d911c0" .. number, max_devices = 16, memory = 65536, switches = { "vSwitch" },
    location_root = string.format("PCIROOT(%X)#PCI(0000)#PCI(0000)", 0x10 + number),
  }
end

local function card(id, device, name)
  return {
    id = id, serial = "EEIO" .. id:sub(-4):upper(),
    functions = {
      {
        vendor = "10de", device = device, class = "030000", subsystem = "12A010DE", name = name,
        pnp_class = "Display", manufacturer = "NVIDIA", service = "nvlddmkm", low_mmio = 288,
        high_mmio = 8448, needs_force = true,
      },
    },
  }
end

local function machine(number, disk, registered)
  local name = "vme" .. number
  local root = disk .. "\\Hyper-V\\" .. name
  return {
    name = name, id = string.format("7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A4%d", number), root = root,
    disks = { root .. "\\Virtual Hard Disks\\" .. name .. ".vhdx" }, adapters = { "vSwitch" },
    generation = 2, memory = 16384, processors = 8, registered = registered,
  }
end

return {
  name = "quad",
  nodes = { node(1), node(2), node(3), node(4) },
  devices = {
    card("0x8cdf9d911c60", "1f08", "NVIDIA GeForce RTX 2060"),
    card("0x8cdf9d911c62", "1eb1", "NVIDIA Quadro RTX 4000"),
    card("0x8cdf9d911c64", "1db6", "NVIDIA Tesla V100"),
  },
  disks = { { name = "G:", owner = "ms1" }, { name = "H:", owner = "ms2" }, { name = "I:",
    owner = "ms1" } },
  vms = { machine(2, "G:", "ms1"), machine(3, "H:", "ms2"), machine(4, "I:", "ms1") },
}
