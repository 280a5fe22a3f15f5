story "The guest hangs and the monitor restarts the resource: the VM comes back on the same server, no failover"

ecx { monitor = { recovery = "restart" } }
ecx_start()
ecx_settle()
admin("guest", { vm = "vme2", silent = true, ignores = true })
when({ step = "VM off", by = "ms1 stop" }, function()
  admin("guest", { vm = "vme2", silent = false, ignores = false })
end)
wait(400)
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
expect(ecx_last "stop", { exit = "ok", says = "quick way" })
expect_scripts("start", 2, "ms1")
expect_scripts("start", 0, "ms2")
