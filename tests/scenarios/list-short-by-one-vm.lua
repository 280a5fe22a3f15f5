story "ms1's list lacks exactly vme2, which runs there; another VM is listed: the other one's start does not take vme2's GPU"

cluster {
  more = { vms = { {
    name = "other", id = "0B0B0B0B-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[C:\other]], disks = {},
    memory = 1024, prepared = true,
  } } },
  vms = { other = { registered = "ms1", running = true } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
local VM = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42"
local hv = world():node("ms1").hyperv
local vms, find = hv.vms, hv.find
hv.vms = function(self)
  local list = {}
  for _, vm in ipairs(vms(self)) do
    list[#list + 1] = vm.id ~= VM and vm or nil
  end
  return list
end
hv.find = function(self, id)
  return id:upper() ~= VM and find(self, id) or nil
end
local before = changes()
expect(monitor("vme2", "ms1"), { exit = "unknown" })
expect(stop("vme2", "ms1"), { exit = "refused", code = "WMI_EMPTY", says = VM })
expect(prepare("vme2", "ms2"), { exit = "refused", code = "WMI_EMPTY" })
expect_unchanged(before)
