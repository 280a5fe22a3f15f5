story "The target lacks the VM's switch: nothing is deleted, the import is taken back"

cluster { vms = { vme2 = { prepared = true, adapters = { "another switch" }, registered = {} } } }
expect(start("vme2", "ms1"), { exit = "refused", says = "another switch", undone = true })
expect_registered("vme2")
wait(2)
expect_device("0x8cdf9d911c60", "free")
