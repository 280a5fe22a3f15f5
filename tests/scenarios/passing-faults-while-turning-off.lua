story "A guest that does not listen, and each fault that passes, for two minutes, when it is turned off: stop goes on until it is off"

local faults = {
  { code = 2150859174 }, { code = 1359 }, { hresult = 0x800706BA }, { http = 503 },
  { effect = "drop" }, { effect = "job fails", code = 32774 }, { effect = "job fails" },
  { effect = "lie" },
}
for _, words in ipairs(faults) do
  expect(start("vme2", "ms1", { quiet = true }), { exit = "ok" })
  admin("guest", { vm = "vme2", ignores = true })
  local rule = { target = "ms1", match = { method = "RequestStateChange" }, effect = "error",
    text = "not now" }
  for key, value in pairs(words) do
    rule[key] = value
  end
  local id = fault(rule)
  at(240, function()
    heal(id)
  end)
  expect(stop("vme2", "ms1", { quiet = true }), { exit = "ok", longer_than = 235, within = 290 })
  expect_running("vme2", nil)
  wait(2)
end
