story "The only device is used by a VM of lower priority, and nothing allows to stop that: HELD_BY, nothing is changed"

local ANY = { { vendor = "10de", device = "1f08" } }
cluster {
  more = {
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms2", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms2" } },
  },
  vm = { gpus = ANY, priority = 10 },
  parameters = {
    placement = { preempt = false },
    vms = { vme3 = {
      path = [[H:\vme3]], gpus = ANY, mmio = { low = "3GiB", high = "33280MiB" }, group = "Failover-vme3",
    } },
  },
}
ecx { groups = { { group = "Failover-vme3", vm = "vme3", servers = { "ms2", "ms1" }, disk = "H:" } } }
ecx_start()
ecx_settle()
expect_running("vme3", "ms2")

local before = changes()
expect(start("vme2", "ms1"), { exit = "no_device", code = "HELD_BY", says = "vme3 runs with it on ms2", changes = 0 })
expect_unchanged(before)
expect_running("vme3", "ms2")
