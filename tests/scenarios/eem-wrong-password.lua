story "ExpEther Manager refuses the password: said at once, nothing is changed"

fault { target = "eem", match = {}, effect = "error", http = 401, text = "Unauthorized" }
local before = changes()
expect(start("vme2", "ms1"), { exit = "configuration", code = "EEM_AUTH", within = 1, changes = 0 })
expect_unchanged(before)
