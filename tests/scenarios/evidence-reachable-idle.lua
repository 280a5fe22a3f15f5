story "The GPU is in ms1's group, ms1 answers and uses it nowhere: that is evidence enough"

cluster { devices = { ["0x8cdf9d911c60"] = { group_id = 50 } }, vms = { vme2 = { prepared = true, registered = {} } } }
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok", says = "ms1 is reachable and no running virtual machine" })
expect_running("vme2", "ms2")
