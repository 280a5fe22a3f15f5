story "ms1's management service lists nothing for two minutes while a stop waits: it goes on when the list is back"

expect(start("vme2", "ms1"), { exit = "ok" })
local hv = world():node("ms1").hyperv
local vms, find, away = hv.vms, hv.find, true
hv.vms = function(self) return away and {} or vms(self) end
hv.find = function(self, id) return not away and find(self, id) or nil end
at(120, function() away = false end)
expect(monitor("vme2", "ms1"), { exit = "unknown" })
wait(60)
expect(monitor("vme2", "ms1"), { exit = "unknown" })
expect(stop("vme2", "ms1"), { exit = "ok" })
expect_device("0x8cdf9d911c60", "free")
