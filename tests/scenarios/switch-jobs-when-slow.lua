story "Nothing takes time and methods answer without jobs: start and stop are the same"

cluster {
  switches = { jobs = "when slow" },
  latency = {
    link = 0, unlink = 0, enumerate = 0, list_lag = 0, dismount = 0, mount = 0, assign = 0, remove = 0,
    import = 0, validate = 0, realize = 0, destroy = 0, modify = 0, start = 0, turn_off = 0, boot = 0,
    answer = 0,
  },
}
expect(start("vme2", "ms1"), { exit = "ok", within = 1 })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok", within = 1 })
expect_running("vme2", "ms2")
