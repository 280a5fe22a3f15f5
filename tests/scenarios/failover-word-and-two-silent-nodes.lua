story "ms1 has died, and ms3, which is silent, too, holds the only card that fits: the word of the cluster is of one node, so nothing is taken"

local CARD = "0x8cdf9d911c60"
local ms3 = { group_id = 250, address = "192.168.0.201", board = "0x8cdf9d911c03" }
cluster {
  more = { nodes = { { name = "ms3", group_id = 250, address = ms3.address, board = ms3.board } } },
  devices = { [CARD] = { group_id = 250 }, ["0x8cdf9d911c62"] = { power = "off" } },
  parameters = { nodes = { ms3 = ms3 } },
  vm = { gpus = { { vendor = "10de", device = "1f08" } } },
}
kill "ms1"
partition "ms3"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "refused", code = "NO_EVIDENCE" })
expect_device(CARD, "ms3")

-- An operator who has looked decides.
expect(start("vme2", "ms2", { event = "failover", evidence = "ms3 is powered off, seen by me" }), { exit = "ok" })
