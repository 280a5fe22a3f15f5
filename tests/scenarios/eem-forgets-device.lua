story "ExpEther Manager does not know the device: no device, nothing is changed"

cluster { vm = { gpus = { { id = "0x8cdf9d911cff" } } } }
local before = changes()
expect(start("vme2", "ms1"), { exit = "no_device", code = "NO_DEVICE", says = "0x8cdf9d911cff" })
expect_unchanged(before)
