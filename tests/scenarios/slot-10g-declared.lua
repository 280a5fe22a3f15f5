story "A card in a 10G slot, of which ExpEther Manager shows nothing: the parameters say what is promised, and it is started with"

cluster {
  more = { devices = { {
    id = "0x743a65930301", type = "10g",
    functions = { { vendor = "10de", device = "1db6", class = "030200", name = "NVIDIA Tesla V100", pnp_class = "Display",
      manufacturer = "NVIDIA", service = "nvlddmkm", low_mmio = 32, high_mmio = 16416, needs_force = true } },
  } } },
  parameters = { devices = { ["0x743a65930301"] = { vendor = "10de", device = "1db6", labels = { purpose = "old" } } } },
  vm = { gpus = { { vendor = "10de", labels = { purpose = "old" } } } },
}
expect_listed("0x743a65930301", { state = "free", identity = "declared", bridge = false })
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device("0x743a65930301", "ms1")
expect_listed("0x743a65930301", { state = "held", vm = "vme2", class = "030200" })
