@echo off
rem Stop: virtual machine vme2, failover group Failover-vme2, script resource script-vme2.
"C:\Program Files\Takeover\takeover.exe" --parameters "C:\Program Files\Takeover\parameters.lua" stop vme2
exit %ERRORLEVEL%
