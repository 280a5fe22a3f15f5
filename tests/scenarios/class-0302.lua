story "A card without a display (class 0302) is a GPU as any other: it is listed, and chosen by its description"

cluster {
  base = "seed",
  more = { devices = { {
    id = "0x8cdf9d911c66",
    functions = { { vendor = "10de", device = "20f1", class = "030200", name = "NVIDIA A100-PCIE-40GB", pnp_class = "Display",
      manufacturer = "NVIDIA", service = "nvlddmkm", low_mmio = 32, high_mmio = 32800, needs_force = true } },
  } } },
  vm = { gpus = { { vendor = "10de", device = "20f1", class = "03" } } },
}
expect_listed("0x8cdf9d911c66", { state = "free", identity = "eem", class = "030200" })
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device("0x8cdf9d911c66", "ms1")
