story "first = 0 switches the quarantine off: the only card that fits is tried again at once"

cluster {
  latency = { link = 100000 }, parameters = { quarantine = { first = 0 } },
  vm = { gpus = { { vendor = "10de", device = "1f08" } } },
}
expect(start("vme2", "ms1"), { exit = "failed", code = "LINK_DOWN", never_says = "quarantine" })
world():set_latency("link", 1)
wait(5)
expect(start("vme2", "ms1"), { exit = "ok" })
