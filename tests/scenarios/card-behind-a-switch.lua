story "A card behind its own PCIe switch: ExpEther Manager shows the switch, the parameters say what is promised"

cluster {
  parameters = { devices = { ["0x8cdf9d9122b6"] = { vendor = "10de", device = "1db6" } } },
  vm = { gpus = { { id = "0x8cdf9d9122b6" } } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device("0x8cdf9d9122b6", "ms1")
expect_running("vme2", "ms1")
