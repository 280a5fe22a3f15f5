story "stop, stop again, and stop with nothing there: success each time, and no side effect from the second on"

expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
local before = changes()
expect(stop("vme2", "ms1"), { exit = "ok", changes = 0 })
expect(stop("vme2", "ms2"), { exit = "ok", changes = 0 })
if changes() ~= before then
  fail("a second stop changed something")
end
