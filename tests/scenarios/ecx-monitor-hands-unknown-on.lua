story "A genw.bat that hands exit code 20 on: a management service that restarts for 5 minutes moves a healthy VM"

ecx { monitor = { unknown = "error" } }
ecx_start()
ecx_settle()
local away = fault { target = "ms1", match = {}, effect = "drop" }
at(300, function()
  heal(away)
end)
wait(1200)
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
