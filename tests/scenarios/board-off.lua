story "ExpEther Manager shows this node's board without power: no device can come, nothing is left behind"

world():node("ms1").board_record.power = "off"
expect(start("vme2", "ms1"), { exit = "no_device", says = "powered off" })
expect_device("0x8cdf9d911c60", "free")
