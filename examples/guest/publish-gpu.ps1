# Tells the host whether this guest has a working GPU, through Hyper-V's key-value exchange. Run it at start-up and every
# minute from the task scheduler, as SYSTEM. The host reads it with: takeover monitor (guest_gpu = true).
# Values under this key are sent to the host by the Hyper-V data exchange service.
#
# They outlive a boot, so it tells when it wrote, too: gpu.uptime, seconds since this guest's boot, and gpu.writes, which counts
# up. Takeover believes only what was written since the machine was turned on. The two are written last: until then a new word
# still has the old time.
$key = 'HKLM:\SOFTWARE\Microsoft\Virtual Machine\Guest'
$cards = @(Get-CimInstance Win32_PnPEntity -Filter "PNPClass='Display' AND DeviceID LIKE 'PCI\\VEN_%'")
$working = @($cards | Where-Object { $_.ConfigManagerErrorCode -eq 0 })
$status = if ($cards.Count -eq 0) { 'none' } elseif ($working.Count -lt $cards.Count) { 'error' } else { 'ok' }
$uptime = (Get-CimInstance Win32_PerfFormattedData_PerfOS_System).SystemUpTime
if (-not (Test-Path $key)) { New-Item -Path $key -Force | Out-Null }
[uint64]$writes = 0
[void][uint64]::TryParse([string](Get-ItemProperty -Path $key).'gpu.writes', [ref]$writes)
Set-ItemProperty -Path $key -Name 'gpu.status' -Value $status
Set-ItemProperty -Path $key -Name 'gpu.count' -Value ([string]$working.Count)
Set-ItemProperty -Path $key -Name 'gpu.uptime' -Value ([string]$uptime)
Set-ItemProperty -Path $key -Name 'gpu.writes' -Value ([string]($writes + 1))
