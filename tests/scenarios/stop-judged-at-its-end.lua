story "A start waits while a stop runs, then runs the machine again: each is judged by what was true at its end"

expect(start("vme2", "ms1", { quiet = true }), { exit = "ok" })
local stopping = launch("stop", "vme2", "ms1")
wait(1)
local started = start("vme2", "ms1", { wait = 60 })
expect(stopping, { exit = "ok" })
expect(started, { exit = "ok" })
expect_running("vme2", "ms1")
