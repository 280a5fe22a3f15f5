story "No device is left, and policy allows it: the VM of lower priority is stopped through EXPRESSCLUSTER, then its GPU is taken"

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
    placement = { preempt = true },
    vms = { vme3 = {
      path = [[H:\vme3]], gpus = ANY, mmio = { low = "3GiB", high = "33280MiB" }, group = "Failover-vme3",
    } },
  },
}
ecx { groups = { { group = "Failover-vme3", vm = "vme3", servers = { "ms2", "ms1" }, disk = "H:" } } }
ecx_start()
ecx_settle()
expect_running("vme3", "ms2")

plan("vme2", "ms1")
expect(start("vme2", "ms1"), { exit = "ok", says = "vme3 is stopped: its priority is 0, that of vme2 is 10" })
expect_running("vme2", "ms1")
expect_running("vme3", nil)
expect_device("0x8cdf9d911c60", "ms1")
