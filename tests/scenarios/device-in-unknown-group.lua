story "The GPU is in the group of a server that is not in the parameters: no evidence counts, refused"

cluster { parameters = { nodes = { ms1 = { group_id = 51 } } } }
admin("device", { id = "0x8cdf9d911c60", group_id = 50 })
move_disk "ms2"
local before = changes()
expect(start("vme2", "ms2", { event = "failover", evidence = "ms1 is off" }), {
  exit = "refused", says = "group 50, which belongs to no node", changes = 0,
})
expect_unchanged(before)
