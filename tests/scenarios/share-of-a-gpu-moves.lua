story "A machine with a 2 GiB share moves: the share of ms1's card is left behind, one of ms2's card is added"

cluster { base = "shares", vm = { gpus = { { partition = { vram = "2GiB" }, vendor = "10de", device = "25b6" } } } }

expect(start("vme2", "ms1"), { exit = "ok", steps = { ["GPU share assigned to the VM"] = "done" } })
expect_running("vme2", "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect_device("0x8cdf9d911c60", "free")
local gpu = world():node("ms1").hyperv:partitionable()[1]
if gpu.free ~= 2 << 30 or gpu.used ~= 1 then
  fail("the share is not in use: %d bytes are free", gpu.free)
end

expect(start("vme2", "ms1"), { exit = "ok", changes = 0 })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok", says = "removing the share of another GPU" })
expect_running("vme2", "ms2")
expect(monitor("vme2", "ms2"), { exit = "ok" })
