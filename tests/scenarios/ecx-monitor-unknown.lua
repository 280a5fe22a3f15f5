story "ms1 answers nothing that says something about its VM, in one way after the other, each for 5 minutes: nothing is moved"

ecx { monitor = {} }
ecx_start()
ecx_settle()
local faults = {
  { effect = "error", http = 400 }, { effect = "error", http = 401 }, { effect = "error", http = 403 },
  { effect = "error", http = 404 }, { effect = "error", http = 500 }, { effect = "error", http = 503 },
  { effect = "error", hresult = 0x80041003 }, { effect = "drop" }, { effect = "garbage" },
  { effect = "html" }, { effect = "huge" }, { effect = "truncate" },
  { effect = "delay", seconds = 100000 },
}
for _, answer in ipairs { "broken", "healthy" } do
  parameters().vms.vme2.monitor.when_unknown = answer
  for _, rule in ipairs(faults) do
    rule.target, rule.match = "ms1", {}
    local id = fault(rule)
    wait(300)
    heal(id)
    wait(130)
    expect_group("Failover-vme2", "ms1", "online")
    expect(ecx_last "monitor", { exit = "ok" })
  end
end
expect_scripts("stop", 0)
expect_scripts("start", 1)
expect_running("vme2", "ms1")
