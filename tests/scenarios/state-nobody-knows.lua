story "ms1 shows vme2, which runs, in states that nobody knows: it counts as on, and its GPU is left to it"

expect(start("vme2", "ms1"), { exit = "ok" })
local hv = world():node("ms1").hyperv
for _, state in ipairs { 0, 1, 5, 7, 8, 12, 2000 } do
  hv.enabled_state = function() return state end
  local before = changes()
  expect(recover("vme2", "ms1"), { exit = "refused", says = "must not run it" })
  expect(prepare("vme2", "ms2"), { exit = "refused", says = "used on ms1" })
  expect_listed("0x8cdf9d911c60", { state = "held", use = "used", vm = "vme2" })
  expect_unchanged(before)
end
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "refused", says = "vme2 is unknown on ms1" })
