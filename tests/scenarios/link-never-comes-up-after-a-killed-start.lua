story "A start by description is killed right after it has connected the only GPU, whose link never comes up: waited for a while, then said"

cluster {
  latency = { link = 100000 },
  parameters = { vms = { vme2 = { gpus = { { vendor = "10de", device = "1f08" } } } } },
}
expect(start("vme2", "ms1", { faults = { ["eem PUT 1"] = "crash after" } }), { exit = "killed" })
expect(start("vme2", "ms1"), { exit = "no_device", says = "it is connected to ms1 and has no link" })
