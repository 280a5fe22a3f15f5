story "The import fails: nothing is registered, the GPU goes back, the file stays where it is"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault { target = "ms1", match = { method = "ImportSystemDefinition" }, effect = "job fails", text = "unreadable" }
expect(start("vme2", "ms1"), {
  exit = "failed", failed_at = "VM's configuration imported", undone = true,
})
expect_registered("vme2")
expect_planned("vme2")
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmcx]])
