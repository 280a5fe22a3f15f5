story "Windows reports a problem of the card: explained in words when it comes and when its driver cannot be disabled; without one no word of it"

local GPU = "0x8cdf9d911c60"
expect(start("vme2", "ms1"), { exit = "ok", never_says = "problem code" })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
admin("device", { id = GPU, problem = 12 })
local id = fault { target = "ms2", match = { method = "Disable" }, effect = "error", hresult = 0x80041001, text = "failed" }
local run = start("vme2", "ms2")
expect(run, { exit = "failed", code = "PNP_FAILED", failed_at = "GPU driver disabled on this node" })
if not tostring(run.failure):find("problem code 12: there are not enough free resources", 1, true) then
  fail("the failure does not explain the card: %s", tostring(run.failure))
end
heal(id)
expect(start("vme2", "ms2"), { exit = "ok", says = "problem code 12" })
