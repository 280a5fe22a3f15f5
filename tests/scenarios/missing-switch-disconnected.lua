story "The target lacks the VM's switch and the parameters say disconnect: it starts without that adapter, said so"

cluster {
  vms = { vme2 = { prepared = true, registered = {}, adapters = { "another switch" } } },
  vm = { missing_switch = "disconnect" },
}
expect(start("vme2", "ms1"), { exit = "ok", says = "no virtual switch another switch" })
expect_running("vme2", "ms1")
