story "A VM asks for three GPUs and the second cannot be connected: the first is given back, the third never touched"

local seed = require("lab.clusters.seed")
local A, B, C = "0x8cdf9d911c60", "0x8cdf9d911c64", "0x8cdf9d911c66"
local function card(id)
  return { id = id, serial = "EEIO" .. id:sub(-4):upper(), functions = seed.devices[1].functions }
end

cluster {
  more = { devices = { card(B), card(C) } },
  vm = { gpus = { { vendor = "10de", device = "1f08", count = 3 } } },
}
fault { target = "eem", effect = "error", http = 400, text = "refused", match = { verb = "PUT", path = "/eem/devices/" .. B .. "/group_id" } }
expect(start("vme2", "ms1"), { exit = "failed", code = "EEM_REFUSED", undone = true })
for _, id in ipairs({ A, B, C }) do
  expect_device(id, "free")
end
heal()
expect(start("vme2", "ms1"), { exit = "ok" })
for _, id in ipairs({ A, B, C }) do
  expect_device(id, "ms1")
end
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
for _, id in ipairs({ A, B, C }) do
  expect_device(id, "free")
end
