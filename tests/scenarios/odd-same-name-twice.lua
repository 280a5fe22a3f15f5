story "Two VMs of one name in one folder: the one with the id in the parameters is meant, the other is left alone"

cluster {
  more = { vms = { {
    name = "vme2 ", id = "0D0D0D0D-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[G:\Hyper-V\vme2]], disks = {},
    registered = {},
  } } },
  vms = { vme2 = { prepared = true, registered = {} } },
  parameters = { vms = { vme2 = { id = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42" } } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
expect_registered("vme2 ")
