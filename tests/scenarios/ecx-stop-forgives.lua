story "Everything but the VM itself goes wrong while the group is moved: stop still succeeds, and no server is shut down"

ecx {}
ecx_start()
ecx_settle()
admin("eem", { up = false })
fault { target = "ms1", match = { method = "Copy" }, effect = "error", hresult = 0x80041003 }
fault { target = "ms1", match = { method = "RemoveResourceSettings" }, effect = "job fails" }
at(80, function()
  admin("eem", { up = true })
end)
ecx_move "ms2"
ecx_settle()
expect(ecx_last("stop", "ms1"), { exit = "ok" })
expect_server("ms1")
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
