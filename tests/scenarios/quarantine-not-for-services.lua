story "That ExpEther Manager does not answer, or the run is cancelled or out of time, proves nothing against a card"

cluster { latency = { link = 100000 }, vm = { gpus = { { vendor = "10de", device = "1f08" } } } }

at(20, function()
  admin("eem", { up = false })
end)
expect(start("vme2", "ms1"), { exit = "not_undone", code = "EEM_UNREACHABLE", never_says = "quarantine" })
admin("eem", { up = true })
expect(stop("vme2", "ms1"), { exit = "ok", never_says = "quarantine" })

local run = launch("start", "vme2", "ms1")
at(20, function()
  interrupt(run)
end)
expect(run, { exit = "cancelled", never_says = "quarantine" })
expect(start("vme2", "ms1", { timeout = 50 }), { exit = "deadline", never_says = "quarantine" })

world():set_latency("link", 1)
expect(start("vme2", "ms1"), { exit = "ok", never_says = "quarantine" })
