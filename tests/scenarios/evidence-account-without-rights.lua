story "ms1 answers, but does not let us look: that is no evidence, and no reason to take anything"

cluster { devices = { ["0x8cdf9d911c60"] = { group_id = 50 } }, vms = { vme2 = { prepared = true, registered = {} } } }
move_disk "ms2"
fault { target = "ms1", match = {}, effect = "error", hresult = 0x80041003, text = "access denied" }
local before = changes()
expect(start("vme2", "ms2", { event = "failover" }), { exit = "configuration", code = "WMI_ACCESS", changes = 0 })
expect_unchanged(before)
