story "ms1 shows no assignable device while vme2 runs with one: the GPU is not offered to others"

expect(start("vme2", "ms1"), { exit = "ok" })
local hv = world():node("ms1").hyperv
hv.assignable = function() return {} end
local before = changes()
expect_listed("0x8cdf9d911c60", { state = "held", vm = "vme2", use = "used" })
expect(prepare("vme2", "ms2"), { exit = "refused", says = "used on ms1" })
expect_unchanged(before)
