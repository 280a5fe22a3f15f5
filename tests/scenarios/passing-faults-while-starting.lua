story "Each fault that passes, twice in a row at each change of a start: borne, done once, and the machine runs"

local faults = {
  { code = 2150859174 }, { code = 2150859175 }, { code = 2150858793 }, { code = 1359 },
  { hresult = 0x800706BA }, { hresult = 0x800706BE }, { hresult = 0x80010108 }, { http = 503 },
}
local methods = {
  "ImportSystemDefinition", "RealizePlannedSystem", "ModifySystemSettings", "Disable",
  "DismountAssignableDevice", "AddResourceSettings", "RequestStateChange",
}
local bad = {}
for _, method in ipairs(methods) do
  for _, words in ipairs(faults) do
    for _, effect in ipairs({ "error", "error after" }) do
      local rule = { target = "ms1", match = { method = method }, effect = effect, times = 2,
        text = "not now" }
      for key, value in pairs(words) do
        rule[key] = value
      end
      fault(rule)
      local run = start("vme2", "ms1", { quiet = true })
      if run.exit ~= "ok" then
        bad[#bad + 1] = ("%s %s %s: %s"):format(method, effect, words.code or words.hresult
          or words.http, tostring(run.failure))
      end
      heal()
      expect(stop("vme2", "ms1", { quiet = true }), { exit = "ok" })
      wait(2)
    end
  end
end
if #bad > 0 then
  fail("%s", table.concat(bad, "; "))
end
