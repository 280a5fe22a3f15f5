@echo off
"C:\Program Files\Takeover\takeover.exe" --parameters "C:\Program Files\Takeover\parameters.lua" stop vme2
exit %ERRORLEVEL%
