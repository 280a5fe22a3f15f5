story "Two VMs ask for the same card: the second is refused while the first runs with it"

cluster {
  more = {
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms1", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms1" } },
  },
  parameters = { vms = { vme3 = {
    path = [[H:\vme3]], gpus = { { vendor = "10de", device = "1f08" } },
    mmio = { low = "3GiB", high = "33280MiB" },
  } } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect(start("vme3", "ms1"), { exit = "no_device", code = "HELD_BY", says = "vme2 runs with it on ms1", changes = 0 })
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect_running("vme3", nil)
