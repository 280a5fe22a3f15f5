story "The GPU is in ms1's group and another VM there runs with it: no word and no event overrules that"

cluster {
  more = { vms = { {
    name = "other", id = "0B0B0B0B-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[C:\other]], disks = {},
    memory = 1024, prepared = true,
  } } },
  vms = {
    vme2 = { prepared = true, registered = {} },
    other = { prepared = true, registered = "ms1", running = true, devices = { "0x8cdf9d911c60" } },
  },
}
move_disk "ms2"
local before = changes()
expect(start("vme2", "ms2", { event = "failover", evidence = "ms1 is off" }), {
  exit = "refused", says = "used on ms1 by the running virtual machine other", changes = 0,
})
expect_unchanged(before)
