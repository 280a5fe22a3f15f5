story "kill -9 of a start in the middle: its lock ends with it, stop goes on at once"

local run
when({ step = "GPU assigned to the VM", by = "ms1 start" }, function()
  crash(run)
end)
run = launch("start", "vme2", "ms1")
expect(run:wait(), { exit = "killed" })
expect(stop("vme2", "ms1"), { exit = "ok", never_says = "give way" })
expect_running("vme2", nil)
wait(5)
expect_device("0x8cdf9d911c60", "free")
