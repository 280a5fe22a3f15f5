story "ExpEther Manager cannot reach the device: said so, nothing is changed"

admin("device", { id = "0x8cdf9d911c60", reachable = false })
local before = changes()
expect(start("vme2", "ms1"), { exit = "failed", says = "is not reachable", changes = 0 })
expect_unchanged(before)
