story "The lock is one node's and one VM's: a stop on ms2 does not end a start on ms1"

local run = launch("start", "vme2", "ms1")
wait(5)
expect(stop("vme2", "ms2"), { exit = "ok", never_says = "give way" })
expect(run, { exit = "ok" })
expect_running("vme2", "ms1")
