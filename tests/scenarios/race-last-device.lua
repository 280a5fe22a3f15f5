story "Two VMs on two nodes take the last device that fits at the same instant: one has it, the other says HELD_BY within 2 s"

local ANY = { { vendor = "10de", device = "1f08" } }
cluster {
  latency = { answer = 0 },
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
-- Each look and each change takes its time on the way, so that both see the device free and both
-- write.
fault { target = "eem", effect = "delay", seconds = 0.1, match = {} }
local one, other = launch("start", "vme2", "ms1"), launch("start", "vme3", "ms2")
expect(other, { exit = "no_device", code = "HELD_BY", undone = true, says = "ms1 was quicker", within = 2 })
expect(one, { exit = "ok" })
expect_device("0x8cdf9d911c60", "ms1")
expect_running("vme2", "ms1")
expect_running("vme3", nil)
expect(monitor("vme2", "ms1"), { exit = "ok" })
