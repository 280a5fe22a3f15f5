story "The host at ms1's address says that it is MS7: nothing is changed, both names are said, and the line that would allow it"

local node = world():node("ms1")
node.host_name = "MS7"
local before = changes()
for _, command in ipairs { start, stop, recover, prepare } do
  expect(command("vme2", "ms1"), { exit = "configuration", code = "WMI_OTHER_HOST",
    says = 'host_name = "MS7" in nodes.ms1' })
end
expect(monitor("vme2", "ms1"), { exit = "unknown", says = "MS7" })
expect(start("vme2", "ms2"), { exit = "configuration", says = "the address of ms1" })
expect_unchanged(before)
parameters().nodes.ms1.host_name = "ms7.example.org"
expect(start("vme2", "ms1"), { exit = "ok" })
