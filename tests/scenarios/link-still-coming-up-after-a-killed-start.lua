story "A start by description is killed right after it has connected the only GPU: the next one waits for its link"

cluster {
  latency = { link = 12 },
  parameters = { vms = { vme2 = { gpus = { { vendor = "10de", device = "1f08" } } } } },
}
expect(start("vme2", "ms1", { faults = { ["eem PUT 1"] = "crash after" } }), { exit = "killed" })
expect(start("vme2", "ms1"), { exit = "ok", says = "waiting up to 20 s for a device" })
