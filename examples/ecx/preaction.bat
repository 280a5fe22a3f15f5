@echo off
rem Before a recovery, says what is wrong; changes nothing: virtual machine vme2, failover group Failover-vme2, script resource script-vme2.
"C:\Program Files\Takeover\takeover.exe" --parameters "C:\Program Files\Takeover\parameters.lua" monitor --timeout 20 vme2
exit 0
