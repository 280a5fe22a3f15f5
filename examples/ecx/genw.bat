@echo off
rem Custom monitor: virtual machine vme2, failover group Failover-vme2, script resource script-vme2.
"C:\Program Files\Takeover\takeover.exe" --parameters "C:\Program Files\Takeover\parameters.lua" monitor vme2
exit %ERRORLEVEL%
