@echo off
rem Custom monitor: virtual machine vme2, failover group Failover-vme2, script resource script-vme2.
"C:\Program Files\Takeover\takeover.exe" --parameters "C:\Program Files\Takeover\parameters.lua" monitor vme2
rem 20: its state cannot be told, which is no reason to move it.
if %ERRORLEVEL% == 20 exit 0
exit %ERRORLEVEL%
