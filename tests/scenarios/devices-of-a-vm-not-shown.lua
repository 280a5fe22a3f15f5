story "vme2 runs with its GPU, and its settings show no device, then one that the host does not show: it is not given away"

expect(start("vme2", "ms1"), { exit = "ok" })
local hv = world():node("ms1").hyperv
local assignments = hv.assignments
hv.assignments = function() return {} end
local before = changes()
expect(prepare("vme2", "ms2"), { exit = "refused", code = "WMI_EMPTY", says = "name 0 devices, but it has 1" })
expect_listed("0x8cdf9d911c60", { state = "held", use = "unknown" })
hv.assignments = function(self, vm)
  local list = assignments(self, vm)
  for _, one in ipairs(list) do
    one.present, one.location = false, nil
  end
  return list
end
expect(prepare("vme2", "ms2"), { exit = "refused", says = "used on ms1" })
expect_unchanged(before)
