@echo off
"C:\Program Files\Takeover\takeover.exe" --parameters "C:\Program Files\Takeover\parameters.lua" monitor vme2
exit %ERRORLEVEL%
