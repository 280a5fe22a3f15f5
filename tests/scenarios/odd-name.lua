story "Odd names: a VM called 計算 ノード #1 (GPU), with blanks in its path, moves like any other"

cluster {
  more = { vms = { {
    name = "計算 ノード #1 (GPU)", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42",
    root = [[G:\Hyper-V\計算 ノード #1 (GPU)]],
    disks = { [[G:\Hyper-V\計算 ノード #1 (GPU)\Virtual Hard Disks\system disk.vhdx]] },
    adapters = { "vSwitch" },
  } } },
  vms = { vme2 = { registered = {} }, ["計算 ノード #1 (GPU)"] = { registered = "ms1" } },
  parameters = { vms = {
    vme2 = { gpus = { { id = "0x8cdf9d911c62" } } },
    ["計算 ノード #1 (GPU)"] = {
      path = [[G:\Hyper-V\計算 ノード #1 (GPU)]], gpus = { { id = "0x8cdf9d911c60" } },
      mmio = { low = "3GiB", high = "33280MiB" },
    },
  } },
}
local vm = "計算 ノード #1 (GPU)"
expect(start(vm, "ms1"), { exit = "ok" })
expect(monitor(vm, "ms1"), { exit = "ok" })
expect(stop(vm, "ms1"), { exit = "ok", warnings = 0 })
move_disk "ms2"
expect(start(vm, "ms2"), { exit = "ok" })
expect_running(vm, "ms2")
