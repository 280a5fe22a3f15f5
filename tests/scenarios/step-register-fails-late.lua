story "Registering fails at 99 %: the import is discarded, and the configuration file is still there"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault {
  target = "ms1", match = { method = "RealizePlannedSystem" }, effect = "job fails",
  text = "unresolved configuration file errors",
}
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "VM registered on this node", undone = true })
expect_registered("vme2")
expect_planned("vme2")
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmcx]])
