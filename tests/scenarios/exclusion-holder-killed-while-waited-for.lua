story "kill -9 of a start that stop waits for: stop goes on at once"

fault { target = "ms1", match = { method = "RequestStateChange", nth = 1 }, effect = "delay", seconds = 25 }
local run = launch("start", "vme2", "ms1")
when({ method = "RequestStateChange", moment = "before" }, function()
  at(2, function()
    local stopping = launch("stop", "vme2", "ms1")
    at(5, function()
      crash(run)
      at(60, function()
        expect(stopping, { exit = "ok", longer_than = 5, within = 60 })
      end)
    end)
  end)
end)
expect(run:wait(), { exit = "killed" })
wait(200)
expect_running("vme2", nil)
