story "The VM's settings cannot be changed for a GPU: the start fails there and everything is taken back"

cluster { vms = { vme2 = {} } }
fault { target = "ms1", match = { method = "ModifySystemSettings" }, effect = "job fails", text = "refused" }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "VM's settings allow a GPU", undone = true })
expect_registered("vme2", "ms1")
wait(2)
expect_device("0x8cdf9d911c60", "free")
