story "A stop is killed while Hyper-V removes its registration: the next start waits for that job, then imports the copy"

cluster { latency = { destroy = 20 } }
prepare("vme2", "ms1")
local first = launch("stop", "vme2", "ms1")
when({ method = "DestroySystem", by = "ms1 stop", moment = "after" }, function()
  crash(first)
end)
expect(first, { exit = "killed" })
expect(start("vme2", "ms1"), { exit = "ok" })
expect_made("import", 1)
