story "stop while recover is at work: recover is not asked to end, stop waits for it"

fault { target = "eem", match = { verb = "GET", nth = 1 }, effect = "delay", seconds = 10 }
local run = launch("recover", "vme2", "ms1")
wait(1)
expect(stop("vme2", "ms1"), { exit = "ok", longer_than = 9, never_says = "give way", says = "ms1 recover" })
expect(run, { exit = "ok" })
