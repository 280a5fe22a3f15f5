story "After ms1 came back the list of its folders is empty, but Hyper-V reaches the files of vme2: nothing is unregistered"

cluster { vms = { vme2 = { prepared = true } } }
local files = world():node("ms1").files
local find = files.find
files.find = function() return nil end
local before = changes()
expect(recover("vme2", "ms1"), { exit = "refused", code = "WMI_EMPTY", says = "Hyper-V reaches the files" })
expect_unchanged(before)
files.find = find
expect(recover("vme2", "ms1"), { exit = "ok" })
expect_unchanged(before)
