story "A planned move fails on ms2 (ExpEther Manager refuses the connect): all is undone there, the group goes back, and the VM runs where it was"

cluster { latency = { answer = 0 } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
local broken = fault { target = "eem", match = { verb = "PUT" }, effect = "error", http = 400 }
expect(start("vme2", "ms2"), { exit = "failed", undone = true, failed_at = "GPU connected to this node" })
expect_running("vme2", nil)
heal(broken)
-- EXPRESSCLUSTER stops the group there and moves it back by itself.
expect(stop("vme2", "ms2"), { exit = "ok" })
wait(5)
expect_device("0x8cdf9d911c60", "free")
expect_registered("vme2")
move_disk "ms1"
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok" })
