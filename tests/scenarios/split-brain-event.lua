story "A partition that the cluster decides for ms2: ms1 loses the disk, ms2 starts, ms1's VM never runs again"

-- The cluster's word is evidence while ms1 does not answer: that the GPU leaves a VM which still
-- runs there is what the cluster has decided.
allow "I1"
expect(start("vme2", "ms1"), { exit = "ok" })
partition "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok", says = "CLP_EVENT=FAILOVER" })
expect_running("vme2", "ms2")
heal()
wait(120)
expect_running("vme2", "ms2")
expect(recover("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms2")
