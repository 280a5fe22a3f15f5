story "A split in which ms1 keeps ExpEther Manager and ms2 has the cluster's word only: ms2 cannot take anything"

-- The disk follows ms2's cluster service, so ms1's VM is paused; its GPU stays where it is.
ecx { disk_in_split = "taken", start_retry = 0 }
ecx_start()
ecx_settle()
ecx_partition("ms1", { eem = { "ms1" } })
ecx_settle()
expect(ecx_last("start", "ms2"), { exit = "failed", code = "EEM_UNREACHABLE", changes = 0 })
expect_device("0x8cdf9d911c60", "ms1")
