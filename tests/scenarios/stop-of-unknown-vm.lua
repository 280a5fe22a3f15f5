story "stop of a VM that is not configured: a configuration error that touches no device"

local before = changes()
expect(stop("vme3", "ms1"), { exit = "configuration", says = "vme3" })
if changes() ~= before then
  fail("it changed something")
end
