story "The VM's SID has no right on its disk file after the move: told with the line for icacls, which works on any host"

local denied = fault {
  target = "ms1", match = { method = "RequestStateChange" }, effect = "job fails", hresult = 0x80070005,
  text = [[Zugriff verweigert auf G:\Hyper-V\vme2\Virtual Hard Disks\vme2.vhdx]],
}
local run = start("vme2", "ms1")
expect(run, { exit = "failed", code = "HYPERV_ACCESS", undone = true })
expect(run, { says = [[icacls "G:\Hyper-V\vme2\Virtual Hard Disks\vme2.vhdx" /grant *S-1-5-83-1-2047762220-]] })
heal(denied)
denied = fault {
  target = "ms1", match = { method = "RequestStateChange" }, effect = "job fails", hresult = 0x80070057,
  text = "The key protector could not be unwrapped",
}
expect(start("vme2", "ms1"), { exit = "failed", says = "Shielded VM Local Certificates" })
heal(denied)
expect(start("vme2", "ms1"), { exit = "ok" })
