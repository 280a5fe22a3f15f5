-- Four servers and three I/O boxes with cards of several kinds, as they come together over the
-- years: for the inventory, placement and what-if. Made up, in the manner of the seed cluster;
-- examples/fleet.lua is its parameters.lua. What is peculiar in it:
--   box1, slot 4    a card that nobody has written into parameters.lua
--   box2            cards behind switches of their own, which is all that EEM shows of them; and
--   one
--                   of class 0302, without a display
--   box3            10G slots, of whose cards EEM shows nothing
local ONBOARD = {
  {
    vendor = "102b", device = "0536", class = "030000", subsystem = "00008086", revision = "04",
    name = "Matrox G200eW3 (Nuvoton)", pnp_class = "Display",
    manufacturer = "Matrox Electronics Systems Ltd.", service = "BasicDisplay",
    location = "PCIROOT(0)#PCI(1C05)#PCI(0000)#PCI(0000)",
  },
}

local function node(number)
  return {
    name = "ms" .. number, address = "192.168.0.13" .. number, group_id = 50 + 100 * (number - 1),
    board = "0x8cdf9d91200" .. number, max_devices = number == 4 and 2 or 16, memory = 131072,
    switches = { "vSwitch" }, devices = ONBOARD,
    location_root = string.format("PCIROOT(%X)#PCI(0000)#PCI(0000)", 0x10 + 0x11 * number),
  }
end

local function fn(fields)
  fields.vendor, fields.manufacturer = "10de", "NVIDIA"
  fields.pnp_class, fields.service, fields.needs_force = "Display", "nvlddmkm", true
  return fields
end

local MODELS = {
  ["RTX 2060"] = {
    fn({
      device = "1f08", class = "030000", subsystem = "86F11043", name = "NVIDIA GeForce RTX 2060",
      low_mmio = 288, high_mmio = 8448,
    }),
    {
      vendor = "10de", device = "10f9", class = "040300", subsystem = "86F11043",
      name = "High Definition Audio Controller", pnp_class = "MEDIA", manufacturer = "NVIDIA",
      service = "HDAudBus", low_mmio = 16, high_mmio = 0, needs_force = true,
    },
  },
  ["RTX 4000"] = {
    fn({
      device = "1eb1", class = "030000", subsystem = "12A010DE", name = "NVIDIA Quadro RTX 4000",
      low_mmio = 288, high_mmio = 8448, partitions = { counts = { 1, 2, 4 }, vram = 8 << 30 },
    }),
  },
  V100 = {
    fn({
      device = "1db4", class = "030200", subsystem = "121410DE",
      name = "NVIDIA Tesla V100-PCIE-16GB", low_mmio = 32, high_mmio = 16416,
    }),
  },
  A100 = {
    fn({
      device = "20f1", class = "030200", subsystem = "145F10DE", name = "NVIDIA A100-PCIE-40GB",
      low_mmio = 32, high_mmio = 32800,
    }),
  },
}

local SWITCH = {
  vendor = "10b5", device = "8732", class = "060400", subsystem = "00000000", revision = "CA",
  name = "PCI Express Upstream Switch Port", pnp_class = "System", manufacturer = "PLX",
  service = "pci",
}

local function slot(box, id, model, type)
  return {
    id = id, box = box, serial = "EEIO" .. id:sub(-4):upper(), functions = MODELS[model],
    bridge = model == "V100" and SWITCH or nil, type = type,
    model = type == "10g" and "EE I/O Expansion Unit (10G)-2S" or nil,
  }
end

local function machine(number, name, disk, registered, devices)
  local root = disk .. "\\Hyper-V\\" .. name
  return {
    name = name, id = string.format("5C3E81D4-2A77-4B90-8E11-0C6F4D2A10%02d", number), root = root,
    disks = { root .. "\\Virtual Hard Disks\\" .. name .. ".vhdx" }, adapters = { "vSwitch" },
    generation = 2, memory = 16384, processors = 8, registered = registered, prepared = true,
    devices = devices, running = devices ~= nil,
  }
end

return {
  name = "fleet",
  nodes = { node(1), node(2), node(3), node(4) },
  devices = {
    slot("box1", "0x8cdf9d920101", "RTX 2060"),
    slot("box1", "0x8cdf9d920102", "RTX 2060"),
    slot("box1", "0x8cdf9d920103", "RTX 4000"),
    slot("box1", "0x8cdf9d920104", "RTX 4000"),
    slot("box2", "0x8cdf9d920201", "V100"),
    slot("box2", "0x8cdf9d920202", "V100"),
    slot("box2", "0x8cdf9d920203", "A100"),
    slot("box2", "0x8cdf9d920204", "V100"),
    slot("box3", "0x743a65930301", "RTX 2060", "10g"),
    slot("box3", "0x743a65930302", "RTX 4000", "10g"),
  },
  disks = {
    { name = "G:", owner = "ms1" }, { name = "H:", owner = "ms2" }, { name = "I:", owner = "ms3" },
    { name = "J:", owner = "ms1" }, { name = "K:", owner = "ms4" }, { name = "L:", owner = "ms2" },
  },
  vms = {
    machine(1, "train1", "G:", "ms1", { "0x8cdf9d920101" }),
    machine(2, "sim1", "H:", "ms2", { "0x8cdf9d920201", "0x8cdf9d920202" }),
    machine(3, "legacy", "I:", "ms3", { "0x743a65930301" }),
    machine(4, "desk1", "J:", "ms1", { "0x8cdf9d920103" }),
    machine(5, "desk2", "K:", "ms4"),
    machine(6, "big", "L:", "ms2"),
  },
}
