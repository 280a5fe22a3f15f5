story "Two VMs start on one node at the same moment: each gets its own card"

cluster {
  more = {
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms1", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms1" } },
  },
  parameters = { vms = { vme3 = {
    path = [[H:\vme3]], gpus = { { id = "0x8cdf9d911c62" } }, mmio = { low = "3GiB", high = "33280MiB" },
  } } },
}
local first, second = launch("start", "vme2", "ms1"), launch("start", "vme3", "ms1")
expect(first, { exit = "ok" })
expect(second, { exit = "ok" })
expect_device("0x8cdf9d911c60", "ms1")
expect_device("0x8cdf9d911c62", "ms1")
expect_running("vme3", "ms1")
