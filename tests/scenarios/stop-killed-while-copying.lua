story "stop is killed after the old copy was deleted and before the new one has its name: nothing is lost"

expect(start("vme2", "ms1"), { exit = "ok" })
local run = launch("stop", "vme2", "ms1")
when({ method = "Delete", class = "Win32_Directory", by = "ms1 stop" }, function()
  crash(run)
end)
expect(run, { exit = "killed" })
expect_registered("vme2", "ms1")
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
expect_running("vme2", "ms2")
