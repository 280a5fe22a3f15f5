-- The cluster of the worked example: two servers, one RTX 2060 that follows one virtual machine.
-- A definition is plain data; docs/lab.md describes it. Node addresses, group ids and device ids
-- are those of the original test rig; the rest is made up to be like it.
local function nvidia(function_fields)
  function_fields.vendor = "10de"
  function_fields.manufacturer = "NVIDIA"
  return function_fields
end

local ONBOARD = {
  {
    vendor = "102b", device = "0536", class = "030000", subsystem = "00008086", revision = "04",
    name = "Matrox G200eW3 (Nuvoton)", pnp_class = "Display",
      manufacturer = "Matrox Electronics Systems Ltd.",
    service = "BasicDisplay", location = "PCIROOT(0)#PCI(1C05)#PCI(0000)#PCI(0000)",
  },
  {
    vendor = "8086", device = "1521", class = "020000", subsystem = "00008086", revision = "01",
    name = "Intel(R) I350 Gigabit Network Connection", pnp_class = "Net",
      manufacturer = "Intel Corporation",
    service = "e1rexpress", location = "PCIROOT(0)#PCI(1C00)#PCI(0000)",
  },
}

return {
  name = "seed",
  nodes = {
    {
      name = "ms1", address = "192.168.0.130", group_id = 50, board = "0x8cdf9d911c01",
        max_devices = 16,
      memory = 65536, switches = { "vSwitch" }, location_root = "PCIROOT(3A)#PCI(0000)#PCI(0000)",
        devices = ONBOARD,
    },
    {
      name = "ms2", address = "192.168.0.200", group_id = 150, board = "0x8cdf9d911c02",
        max_devices = 16,
      memory = 65536, switches = { "vSwitch" }, location_root = "PCIROOT(17)#PCI(0000)#PCI(0000)",
        devices = ONBOARD,
    },
  },
  devices = {
    {
      id = "0x8cdf9d911c60", serial = "EEIO1C60",
      functions = {
        nvidia({
          device = "1f08", class = "030000", subsystem = "86F11043",
            name = "NVIDIA GeForce RTX 2060",
          pnp_class = "Display", service = "nvlddmkm", low_mmio = 288, high_mmio = 8448,
            needs_force = true, partitions = { counts = { 1, 2, 4 }, vram = 6 << 30 },
        }),
        nvidia({
          device = "10f9", class = "040300", subsystem = "86F11043",
            name = "High Definition Audio Controller",
          pnp_class = "MEDIA", service = "HDAudBus", low_mmio = 16, high_mmio = 0,
            needs_force = true,
        }),
      },
    },
    {
      id = "0x8cdf9d911c62", serial = "EEIO1C62",
      functions = {
        nvidia({
          device = "1eb1", class = "030000", subsystem = "12A010DE",
            name = "NVIDIA Quadro RTX 4000",
          pnp_class = "Display", service = "nvlddmkm", low_mmio = 288, high_mmio = 8448,
            needs_force = true,
        }),
      },
    },
    {
      -- a card behind a switch of its own: EEM shows the switch
      id = "0x8cdf9d9122b6", serial = "EEIO22B6",
      bridge = {
        vendor = "10b5", device = "8732", class = "060400", subsystem = "00000000", revision = "CA",
        name = "PCI Express Upstream Switch Port", pnp_class = "System", manufacturer = "PLX",
          service = "pci",
      },
      functions = {
        nvidia({
          device = "1db6", class = "030200", subsystem = "124A10DE",
            name = "NVIDIA Tesla V100-PCIE-32GB",
          pnp_class = "Display", service = "nvlddmkm", low_mmio = 32, high_mmio = 32800,
            needs_force = true,
        }),
      },
    },
  },
  disks = { { name = "G:", owner = "ms1" } },
  vms = {
    {
      name = "vme2", id = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[G:\Hyper-V\vme2]],
      disks = { [[G:\Hyper-V\vme2\Virtual Hard Disks\vme2.vhdx]] }, adapters = { "vSwitch" },
      generation = 2, memory = 16384, processors = 8, registered = "ms1",
    },
  },
}
