story "Two starts on one node: the second is busy and changes nothing, the first goes on"

local first = launch("start", "vme2", "ms1")
wait(5)
expect(start("vme2", "ms1"), { exit = "busy", says = "ms1 start", changes = 0, within = 0 })
expect(first, { exit = "ok" })
expect_running("vme2", "ms1")
