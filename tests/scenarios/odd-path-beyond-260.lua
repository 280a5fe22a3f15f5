story "Odd names: a configuration path beyond 260 characters, in Japanese and with blanks"

local long = [[G:\Hyper-V]] .. ("\\仮想 マシン とても長いフォルダー名 (training)"):rep(9)
if utf8.len(long) < 261 then
  fail("the path has %d characters only", utf8.len(long))
end
cluster {
  more = { vms = { {
    name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = long,
    disks = { long .. [[\Virtual Hard Disks\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = {},
  } } },
  vms = { vme2 = { registered = {} } },
  parameters = { vms = {
    vme2 = { gpus = { { id = "0x8cdf9d911c62" } } },
    vme3 = {
      path = long, gpus = { { id = "0x8cdf9d911c60" } }, mmio = { low = "3GiB", high = "33280MiB" },
    },
  } },
}
expect(start("vme3", "ms1"), { exit = "ok" })
expect(stop("vme3", "ms1"), { exit = "ok", warnings = 0 })
move_disk "ms2"
expect(start("vme3", "ms2"), { exit = "ok" })
expect_running("vme3", "ms2")
