story "Two machines want 3 GiB of a card with 4: the second is refused with VRAM_SHORT, and nothing is changed"

local wish = { { partition = { vram = "3GiB" }, vendor = "10de", device = "25b6" } }
cluster { base = "shares",
  more = { vms = { {
    name = "vme3", id = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A43", root = [[G:\Hyper-V\vme3]],
    disks = { [[G:\Hyper-V\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, generation = 2, memory = 16384,
    processors = 8, registered = "ms1", prepared = true,
  } } },
  vm = { gpus = wish }, parameters = { vms = { vme3 = { path = [[G:\Hyper-V\vme3]], gpus = wish } } } }

expect(start("vme2", "ms1"), { exit = "ok" })
local before = changes()
expect(start("vme3", "ms1"), { exit = "no_device", code = "NO_DEVICE", says = "VRAM_SHORT" })
expect_unchanged(before)
expect(stop("vme2", "ms1"), { exit = "ok" })
expect(start("vme3", "ms1"), { exit = "ok" })
expect_running("vme3", "ms1")
