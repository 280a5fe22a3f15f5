story "ms1 accepts connections and never answers: ms2 counts it as not answering, and asks it once only"

cluster { latency = { boot = 15 }, vms = { vme2 = { prepared = true, registered = {} } } }
move_disk "ms2"
fault { target = "ms1", match = {}, effect = "delay", seconds = 100000 }
expect(start("vme2", "ms2"), { exit = "ok", says = "ms1 does not answer", within = 70 })
expect_running("vme2", "ms2")
