story "parameters.lua declares another location for the GPU than the one where vme2 runs with it: it still counts as used there"

cluster { parameters = { devices = { ["0x8cdf9d911c60"] = { vendor = "10de", device = "1f08" } } } }
expect(start("vme2", "ms1"), { exit = "ok" })
parameters().devices["0x8cdf9d911c60"].locations = { ms1 = "PCIROOT(7)#PCI(0100)#PCI(0000)" }
local before = changes()
expect(prepare("vme2", "ms2"), { exit = "refused", says = "used on ms1" })
expect_unchanged(before)
