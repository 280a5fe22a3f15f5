story "A version of ECX that gives only the variables that public scripts use: a move and a failover go as always"

ecx { variables = "verified" }
ecx_start()
ecx_settle()
ecx_move "ms2"
ecx_settle()
kill "ms2"
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
