story "ExpEther Manager accepts requests and never answers: start ends within its deadline, nothing is changed"

fault { target = "eem", match = {}, effect = "delay", seconds = 100000 }
local before = changes()
expect(start("vme2", "ms1"), { exit = "failed", says = "EEM_TIMEOUT", failed_at = "GPU chosen", within = 1770 })
expect_unchanged(before)
