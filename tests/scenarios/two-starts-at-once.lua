story "Both nodes start the VM at the same moment: it runs once, where its disk is"

local first = launch("start", "vme2", "ms1")
local second = launch("start", "vme2", "ms2")
expect(first, { exit = "ok" })
expect(second, { changes = 0 })
expect_running("vme2", "ms1")
expect_device("0x8cdf9d911c60", "ms1")
