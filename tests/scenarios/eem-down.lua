story "ExpEther Manager is down: start waits for it as long as eem.wait says, then fails before anything is changed"

cluster { parameters = { eem = { wait = 45 } } }
admin("eem", { up = false })
local before = changes()
expect(start("vme2", "ms1"), { exit = "failed", says = "EEM_UNREACHABLE", failed_at = "GPU chosen", changes = 0, within = 60, longer_than = 44 })
expect_unchanged(before)
