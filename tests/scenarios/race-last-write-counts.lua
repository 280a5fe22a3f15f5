story "Two VMs take the last device at the same instant, and EEM lets a device in use be regrouped: what stands when both have written decides"

local ANY = { { vendor = "10de", device = "1f08" } }
cluster {
  switches = { put_in_use = "accept" },
  more = {
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms2", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms2" } },
  },
  vm = { gpus = ANY },
  parameters = { vms = { vme3 = {
    path = [[H:\vme3]], gpus = ANY, mmio = { low = "3GiB", high = "33280MiB" },
  } } },
}
fault { target = "eem", effect = "delay", seconds = 0.1, match = {} }
local one, other = launch("start", "vme2", "ms1"), launch("start", "vme3", "ms2")
expect(one, { exit = "no_device", code = "HELD_BY", undone = true, says = "ms2 was quicker", within = 2 })
expect(other, { exit = "ok" })
expect_device("0x8cdf9d911c60", "ms2")
expect_running("vme2", nil)
expect_running("vme3", "ms2")
expect(monitor("vme3", "ms2"), { exit = "ok" })
