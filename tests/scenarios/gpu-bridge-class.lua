story "A card behind its own PCIe switch shows a bridge: declared it is chosen by class and model, undeclared it is not offered"

local BRIDGED = "0x8cdf9d9122b6"
cluster {
  devices = { ["0x8cdf9d911c60"] = { power = "off" }, ["0x8cdf9d911c62"] = { power = "off" } },
  parameters = { devices = { [BRIDGED] = { vendor = "10de", device = "1db6", model = "Tesla V100", memory = "32GiB" } } },
  vm = { gpus = { { class = "03", min_memory = "16GiB" } } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device(BRIDGED, "ms1")
expect(stop("vme2", "ms1"), { exit = "ok" })
local entry = parameters().devices[BRIDGED]
entry.vendor, entry.device = nil, nil
expect(start("vme2", "ms1"), { exit = "no_device", changes = 0 })
