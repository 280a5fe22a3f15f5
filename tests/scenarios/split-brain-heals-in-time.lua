story "ms1 is cut off for a moment only: ms2's start sees its VM run, and refuses"

expect(start("vme2", "ms1"), { exit = "ok" })
local cut = partition "ms1"
heal(cut)
expect(start("vme2", "ms2", { event = "failover" }), { exit = "refused", says = "running on ms1" })
expect_running("vme2", "ms1")
