story "A backup is at work on the VM for ten minutes (32775 to every change) when stop comes: turned off as soon as that is allowed"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", ignores = true })
local hyperv = world():node("ms1").hyperv
local request, over = hyperv.request_state, world().clock.time + 600
hyperv.request_state = function(...)
  if world().clock.time < over then
    return 32775
  end
  return request(...)
end
expect(stop("vme2", "ms1"), { exit = "ok", longer_than = 600, within = 640 })
