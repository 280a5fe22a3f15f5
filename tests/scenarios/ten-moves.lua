story "Ten moves there and back: the eleventh start is like the first, nothing piles up"

local here, there = "ms1", "ms2"
for _ = 1, 10 do
  expect(start("vme2", here), { exit = "ok" })
  expect(stop("vme2", here), { exit = "ok", warnings = 0 })
  move_disk(there)
  here, there = there, here
end
expect(start("vme2", here), { exit = "ok" })
expect_running("vme2", "ms1")
expect_registered("vme2", "ms1")
expect_made("unassign", 10)
