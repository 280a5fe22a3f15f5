story "No card of the model has the wanted label: no device, nothing is changed"

cluster {
  parameters = { devices = { ["0x8cdf9d911c62"] = { labels = { purpose = "inference" } } } },
  vm = { gpus = { { vendor = "10de", device = "1f08", labels = { purpose = "inference" } } } },
}
local before = changes()
expect(start("vme2", "ms1"), { exit = "no_device", says = "10de:1f08", changes = 0 })
expect_unchanged(before)
