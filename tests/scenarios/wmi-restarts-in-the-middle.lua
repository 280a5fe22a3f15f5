story "The management service restarts for 10 s in the middle of a start: waited for, and the start goes on"

cluster { latency = { boot = 15 } }
when({ step = "GPU dismounted from this node" }, function()
  local away = fault { target = "ms1", match = {}, effect = "unreachable" }
  at(10, function()
    heal(away)
  end)
end)
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 30 })
expect_running("vme2", "ms1")
