story "The GPU is asked for by vendor, device and label: the one card that fits is taken"

cluster {
  vm = { gpus = { { vendor = "10de", device = "1f08", labels = { purpose = "training" } } } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device("0x8cdf9d911c60", "ms1")
expect_device("0x8cdf9d911c62", "free")
