story "ms1's start dies after connecting the GPU and ms1 does not answer; ms2 takes over, with evidence only"

local first = launch("start", "vme2", "ms1")
when({ step = "GPU connected to this node", by = "ms1 start" }, function()
  crash(first)
end)
expect(first:wait(), { exit = "killed" })
partition "ms1"
move_disk "ms2"

-- Without evidence: refused, nothing touched, and it says what is missing.
local before = changes()
expect(start("vme2", "ms2", { event = "start" }), {
  exit = "refused", code = "NO_EVIDENCE", says = "--evidence", changes = 0,
})
expect_device("0x8cdf9d911c60", "ms1")
if changes() ~= before then
  fail("a refused start changed something")
end

-- With the cluster's word for it.
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok", says = "CLP_EVENT=FAILOVER" })
expect_running("vme2", "ms2")
expect_device("0x8cdf9d911c60", "ms2")
