story "A failover after a crash fails on ms2: the undo frees the GPU and never gives it back to the dead node"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
local wrote_ms1 = false
when({ verb = "PUT", by = "ms2 start", times = 100, moment = "after" }, function()
  for _, device in ipairs(truth().devices) do
    wrote_ms1 = wrote_ms1 or device.id == "0x8cdf9d911c60" and device.group_id == 50
  end
end)
local broken = fault { target = "ms2", match = { method = "RequestStateChange", nth = 1 }, effect = "error" }
expect(start("vme2", "ms2", { event = "failover" }), { exit = "failed", undone = true, failed_at = "VM running" })
wait(5)
expect_device("0x8cdf9d911c60", "free")
if wrote_ms1 then
  fail("the device was given back to the dead node")
end
heal(broken)
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
expect_running("vme2", "ms2")
