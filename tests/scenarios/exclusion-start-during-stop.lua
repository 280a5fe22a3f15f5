story "start while stop is at work on the same node: busy at once, and who it is; with --wait it goes on after it"

expect(start("vme2", "ms1"), { exit = "ok" })
local stopping = launch("stop", "vme2", "ms1")
wait(1)
expect(start("vme2", "ms1"), { exit = "busy", says = "ms1 stop", within = 0 })
local waiting = launch("start", "vme2", "ms1", { wait = 600 })
expect(stopping, { exit = "ok" })
expect(waiting, { exit = "ok", says = "waited" })
expect_running("vme2", "ms1")
