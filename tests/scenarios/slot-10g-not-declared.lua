story "A card in a 10G slot that the parameters do not describe is listed as unknown, and given to nobody"

cluster {
  more = { devices = { {
    id = "0x743a65930301", type = "10g",
    functions = { { vendor = "10de", device = "1db6", class = "030200", name = "NVIDIA Tesla V100", pnp_class = "Display",
      manufacturer = "NVIDIA", service = "nvlddmkm", low_mmio = 32, high_mmio = 16416, needs_force = true } },
  } } },
  vm = { gpus = { { vendor = "10de", device = "1db6" } } },
}
local before = changes()
expect_listed("0x743a65930301", { state = "free", identity = "unknown", vendor = false, bridge = false })
expect(start("vme2", "ms1"), { exit = "no_device", changes = 0 })
expect_unchanged(before)
