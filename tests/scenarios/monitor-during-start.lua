story "The monitor while start is at work: not healthy before the heartbeat is seen, healthy after it"

local run = launch("start", "vme2", "ms1")
when({ step = "GPU assigned to the VM", by = "ms1 start" }, function()
  expect(monitor("vme2", "ms1"), { exit = "broken" })
end)
when({ step = "VM running", by = "ms1 start" }, function()
  expect(monitor("vme2", "ms1"), { exit = "broken", says = "heartbeat" })
end)
expect(run, { exit = "ok" })
expect(monitor("vme2", "ms1"), { exit = "ok" })
