story "The account may not look at Hyper-V on this node: said at once, nothing is changed"

fault { target = "ms1", match = {}, effect = "error", hresult = 0x80041003, text = "access denied" }
local before = changes()
expect(start("vme2", "ms1"), { exit = "configuration", code = "WMI_ACCESS", changes = 0, within = 1 })
expect_unchanged(before)
