story "vme2 runs on ms1: no event and no word of an operator lets ms2 take its GPU"

expect(start("vme2", "ms1"), { exit = "ok" })
local before = changes()
expect(start("vme2", "ms2", { event = "failover", evidence = "ms1 is down" }), { exit = "refused", says = "running on ms1" })
if changes() ~= before then
  fail("a refused start changed something")
end
expect_running("vme2", "ms1")
