story "prepare on ms2 while the VM runs on ms1: refused, the running VM keeps its GPU"

expect(start("vme2", "ms1"), { exit = "ok" })
local before = changes()
expect(prepare("vme2", "ms2"), { exit = "refused", says = "vme2" })
expect_unchanged(before)
expect_running("vme2", "ms1")
