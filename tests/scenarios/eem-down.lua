story "ExpEther Manager is down: start fails before anything is changed"

admin("eem", { up = false })
local before = changes()
expect(start("vme2", "ms1"), { exit = "failed", says = "EEM_UNREACHABLE", failed_at = "GPU chosen", changes = 0, within = 60 })
expect_unchanged(before)
