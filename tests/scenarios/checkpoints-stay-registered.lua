story "A VM with checkpoints is not unregistered at stop: Hyper-V would delete their configuration, and no copy has it"

expect(start("vme2", "ms1"), { exit = "ok" })
local files = world():node("ms1").files
files:make_directory([[G:\Hyper-V\vme2\Snapshots]])
files:write([[G:\Hyper-V\vme2\Snapshots\0B6E34D4-7C5E-4D5B-9B0C-0D5F4B9E6A11.vmcx]], 4096)
expect(stop("vme2", "ms1"), { exit = "ok", says = "1 checkpoints" })
expect_made("destroy", 0)
expect_running("vme2", nil)
files:delete([[G:\Hyper-V\vme2\Snapshots\0B6E34D4-7C5E-4D5B-9B0C-0D5F4B9E6A11.vmcx]])
expect(stop("vme2", "ms1"), { exit = "ok" })
expect_made("destroy", 1)
