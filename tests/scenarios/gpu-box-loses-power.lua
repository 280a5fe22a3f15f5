story "A box loses power and both nodes live: the VMs whose GPUs were in it come back on the GPUs of the other box, by label"

local seed = require("lab.clusters.seed")
local A, B, C, D = "0x8cdf9d911c60", "0x8cdf9d911c64", "0x8cdf9d911c66", "0x8cdf9d911c68"
local function card(id, box)
  return { id = id, box = box, serial = "EEIO" .. id:sub(-4):upper(), functions = seed.devices[1].functions }
end
local ANY = { vendor = "10de", device = "1f08", labels = { purpose = "training" } }

cluster {
  more = {
    devices = { card(B, "box1"), card(C, "box2"), card(D, "box2") },
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms2", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms2" } },
  },
  devices = { [A] = { power = "off" } },
  vm = { gpus = { ANY } },
  parameters = {
    devices = {
      [A] = { labels = { purpose = "training" } },
      [B] = { labels = { purpose = "training" }, box = "box1" },
      [C] = { labels = { purpose = "training" }, box = "box2" },
      [D] = { labels = { purpose = "training" }, box = "box2" },
    },
    vms = { vme3 = { path = [[H:\vme3]], gpus = { ANY }, mmio = { low = "3GiB", high = "33280MiB" } } },
  },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect(start("vme3", "ms2"), { exit = "ok" })
expect_device(B, "ms1")
expect_device(C, "ms2")
allow "I1" -- the box takes it from the running VM
admin("box", { box = "box1", power = "off" })
wait(5)
expect(monitor("vme2", "ms1"), { exit = "broken" })
expect(monitor("vme3", "ms2"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device(D, "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect(monitor("vme3", "ms2"), { exit = "ok" })
