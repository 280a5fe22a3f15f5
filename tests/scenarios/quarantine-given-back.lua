story "A card in quarantine is no longer offered, but what was taken is given back: stop finds it in this node's group"

cluster { latency = { link = 100000 }, vm = { gpus = { { vendor = "10de", device = "1f08" } } } }
local stuck = fault { target = "eem", match = { verb = "DELETE" }, effect = "error", http = 500, text = "busy" }
expect(start("vme2", "ms1"), { code = "LINK_DOWN", undone = false, says = "is in quarantine for" })
expect_device("0x8cdf9d911c60", "held")
heal(stuck)
world():set_latency("link", 1)
expect(start("vme2", "ms1"), { exit = "no_device" })
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
expect_device("0x8cdf9d911c60", "free")
