story "A start is killed once its VM has the GPU that it asks for by id: another VM may not take it, and is told why"

local described = { { vendor = "10de", device = "1f08" } }
cluster {
  more = {
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms1", memory = 4096,
      prepared = true,
    } },
    disks = { { name = "H:", owner = "ms1" } },
  },
  parameters = { vms = {
    vme2 = { gpus = { { id = "0x8cdf9d911c60" } } },
    vme3 = { path = [[H:\vme3]], gpus = described, mmio = { low = "3GiB", high = "33280MiB" } },
  } },
}
expect(start("vme2", "ms1", { faults = { ["ms1 RequestStateChange 1"] = "crash before" } }), { exit = "killed" })
expect(start("vme3", "ms1"), { exit = "refused", says = "vme2, which asks for it by id" })
expect(start("vme2", "ms1"), { exit = "ok" })
