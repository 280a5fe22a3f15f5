story "ms1 answers 503 or 404 in place of its stopped WinRM: as of a dead node, evidence is asked for and enough, its name is written down"

local first = launch("start", "vme2", "ms1")
when({ step = "GPU dismounted from this node", by = "ms1 start" }, function()
  crash(first)
end)
expect(first:wait(), { exit = "killed" })
move_disk "ms2"
for _, status in ipairs { 503, 404 } do
  local away = fault { target = "ms1", match = {}, effect = "error", http = status }
  expect(start("vme2", "ms2"), { exit = "refused", code = "NO_EVIDENCE", changes = 0 })
  heal(away)
end
fault { target = "ms1", match = {}, effect = "error", http = 401 }
expect(start("vme2", "ms2", { evidence = "it is off" }), { exit = "configuration", code = "WMI_AUTH", changes = 0 })
heal()
fault { target = "ms1", match = {}, effect = "error", http = 503 }
expect(start("vme2", "ms2", { evidence = "it is off" }), { exit = "ok", says = "the operator says of ms1: it is off" })
expect_running("vme2", "ms2")
