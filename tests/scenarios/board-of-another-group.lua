story "The parameters give this node a group that no board has: said, with the question that leads on"

cluster { parameters = { nodes = { ms1 = { group_id = 51 } } } }
expect(start("vme2", "ms1"), { exit = "no_device", says = "is group_id of ms1 right?" })
expect_device("0x8cdf9d911c60", "free")
