story "A card behind its own PCIe switch that the parameters do not describe: said, and what to write there"

cluster { vm = { gpus = { { id = "0x8cdf9d9122b6" } } } }
local before = changes()
expect(start("vme2", "ms1"), { exit = "no_device", says = "give vendor and device of this id", changes = 0 })
expect_unchanged(before)
