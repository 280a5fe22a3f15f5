story "What the inventory says of a GPU on its way: free, used on ms1, nobody knows while ms1 is dead, used on ms2"

local GPU = "0x8cdf9d911c60"
expect_listed(GPU, { state = "free", vm = false, node = false })
expect_vm_listed("vme2", { state = "off", node = "ms1", devices = {} })
expect(start("vme2", "ms1"), { exit = "ok" })
expect_listed(GPU, { state = "held", node = "ms1", vm = "vme2", use = "used", link = "up" })
expect_vm_listed("vme2", { state = "running", node = "ms1", devices = { GPU }, degraded = false })
kill "ms1"
expect_listed(GPU, { state = "held", node = "ms1", vm = false, use = "unknown", why = "ms1 does not answer" }, "ms2")
expect_vm_listed("vme2", { state = "unknown", node = false }, "ms2")
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
expect_listed(GPU, { state = "held", node = "ms2", vm = "vme2", use = "used" }, "ms2")
