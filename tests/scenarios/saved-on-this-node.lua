story "The VM stands saved on this node: told at the first step with the remedy, and its saved state stays"

by_hand("start", "vme2", "ms1")
wait(30)
by_hand("save", "vme2", "ms1")
wait(10)
local run = start("vme2", "ms1")
expect(run, { exit = "refused", failed_at = "VM's configuration found", changes = 0 })
if not run.failure.hint:find("Remove-VMSavedState", 1, true) then
  fail("the hint is %s", tostring(run.failure.hint))
end
