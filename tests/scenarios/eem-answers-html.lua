story "A proxy answers in ExpEther Manager's place with a web page: not understood, nothing is changed"

fault { target = "eem", match = {}, effect = "html" }
local before = changes()
expect(start("vme2", "ms1"), { exit = "failed", code = "EEM_BAD_ANSWER", changes = 0 })
expect_unchanged(before)
