story "A split without resolution, but ms2 cannot have the disk while ms1 holds it: ms2's group fails, ms1's VM never notices"

ecx { disk_in_split = "refused" }
ecx_start()
ecx_settle()
ecx_partition "ms1"
ecx_settle()
expect_scripts("start", 0, "ms2")
expect_running("vme2", "ms1")
expect_device("0x8cdf9d911c60", "ms1")
ecx_heal()
wait(100)
expect_running("vme2", "ms1")
