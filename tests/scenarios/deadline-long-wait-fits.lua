story "Everything is ten times as slow, and the time is long: one start, no failure"

cluster {
  latency = { link = 30, enumerate = 20, dismount = 10, start = 20, boot = 250, import = 10, answer = 0.2 },
}
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 300 })
expect_running("vme2", "ms1")
