story "Each fault that passes, three times in a row at each change of a stop: stop never fails, and the guest is asked, not turned off"

local faults = {
  { code = 2150859174 }, { code = 1359 }, { code = 2150858793 }, { hresult = 0x800706BA },
  { http = 503 }, { effect = "drop" },
}
local methods = { "InitiateShutdown", "RemoveResourceSettings", "DestroySystem" }
local bad = {}
for _, method in ipairs(methods) do
  for _, words in ipairs(faults) do
    expect(start("vme2", "ms1", { quiet = true }), { exit = "ok" })
    local rule = { target = "ms1", match = { method = method }, effect = "error", times = 3,
      text = "not now" }
    for key, value in pairs(words) do
      rule[key] = value
    end
    fault(rule)
    local run = stop("vme2", "ms1", { quiet = true })
    if run.exit ~= "ok" or #run.result.warnings > 0 then
      bad[#bad + 1] = ("%s %s: %s, %s"):format(method, words.code or words.hresult or words.http
        or words.effect, run.exit, tostring(run.failure or run.result.warnings[1]))
    end
    expect_running("vme2", nil)
    heal()
    wait(2)
  end
end
if #bad > 0 then
  fail("%s", table.concat(bad, "; "))
end
expect_made("shutdown", #methods * #faults)
expect_made("turn off", 0)
