story "Two stops on one node: the second waits for the first, then has nothing to do; neither is asked to give way"

expect(start("vme2", "ms1"), { exit = "ok" })
local first = launch("stop", "vme2", "ms1")
wait(1)
local second = launch("stop", "vme2", "ms1")
expect(first, { exit = "ok", never_says = "give way" })
expect(second, { exit = "ok", says = "waited", never_says = "give way" })
expect_running("vme2", nil)
