story "Whatever the host answers that says nothing about its VM: unknown, and 0 where the parameters say so"

local faults = {
  { effect = "error", http = 400 }, { effect = "error", http = 401 }, { effect = "error", http = 403 },
  { effect = "error", http = 404 }, { effect = "error", http = 500 }, { effect = "error", http = 503 },
  { effect = "error", hresult = 0x80041003 }, { effect = "error", hresult = 0x80041001 },
  { effect = "error", hresult = 0x800706BA },
  { effect = "drop" }, { effect = "garbage" }, { effect = "html" }, { effect = "huge" },
  { effect = "truncate" }, { effect = "unreachable" }, { effect = "delay", seconds = 100000 },
}
expect(start("vme2", "ms1", { quiet = true }), { exit = "ok" })
for _, answer in ipairs { "broken", "healthy" } do
  parameters().vms.vme2.monitor.when_unknown = answer
  for _, rule in ipairs(faults) do
    rule.target, rule.match = "ms1", {}
    local id = fault(rule)
    local look = monitor("vme2", "ms1")
    expect(look, { exit = answer == "healthy" and "ok" or "unknown", within = 60 })
    if look.result.answer ~= "unknown" then
      fail("%s %s: %s", rule.effect, tostring(rule.http), look.result.answer)
    elseif #look.result.reasons ~= 1 then
      fail("%s is said %d times", rule.effect, #look.result.reasons)
    end
    heal(id)
  end
end
expect(monitor("vme2", "ms1"), { exit = "ok" })
