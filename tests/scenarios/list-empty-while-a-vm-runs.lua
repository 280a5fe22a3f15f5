story "ms1 lists no virtual machine, by id and name neither, while vme2 runs there: nobody takes or gives back its GPU"

expect(start("vme2", "ms1"), { exit = "ok" })
local hv = world():node("ms1").hyperv
local vms, find = hv.vms, hv.find
hv.vms = function() return {} end
hv.find = function() return nil end
local before = changes()
expect(monitor("vme2", "ms1"), { exit = "unknown", says = "vmwp.exe" })
expect(stop("vme2", "ms1"), { exit = "refused", code = "WMI_EMPTY" })
expect(recover("vme2", "ms1"), { exit = "refused", code = "WMI_EMPTY" })
expect(prepare("vme2", "ms2"), { exit = "refused", code = "WMI_EMPTY" })
expect_listed("0x8cdf9d911c60", { state = "held", use = "unknown" })
expect_vm_listed("vme2", { state = "unknown" })
if #drain("ms1").moves > 0 then
  fail("a machine is moved that nobody sees")
end
expect_unchanged(before)
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "refused", says = "vme2 runs on ms1", changes = 0 })
expect_device("0x8cdf9d911c60", "ms1")
move_disk "ms1"
hv.vms, hv.find = vms, find
expect(stop("vme2", "ms1"), { exit = "ok" })
expect_device("0x8cdf9d911c60", "free")
