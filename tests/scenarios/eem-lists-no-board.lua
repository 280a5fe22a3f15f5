story "ExpEther Manager has just started and lists no server board: its list is not whole, and no device counts as missing"

cluster {
  parameters = { devices = { ["0x8cdf9d911c60"] = { vendor = "10de", device = "1f08" } } },
  vm = { gpus = { { vendor = "10de" } } },
}
local eem = world():eem()
local devices = eem.devices
eem.devices = function(self, ...)
  local list = {}
  for _, device in ipairs(devices(self, ...)) do
    list[#list + 1] = device.kind ~= "board" and device.id ~= "0x8cdf9d911c60" and device or nil
  end
  return list
end
local before = changes()
expect(start("vme2", "ms1"), { exit = "refused", code = "EEM_EMPTY" })
expect_unchanged(before)
at(20, function() eem.devices = nil end)
expect(start("vme2", "ms1"), { exit = "ok" })
