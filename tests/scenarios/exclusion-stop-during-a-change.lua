story "stop comes while the connect of the device is on the wire: start finishes that call, then takes back"

fault { target = "eem", match = { verb = "PUT", nth = 1 }, effect = "delay", seconds = 5 }
local starting = launch("start", "vme2", "ms1")
wait(2)
local stopping = launch("stop", "vme2", "ms1")
expect(starting, { exit = "cancelled", undone = true, longer_than = 5 })
expect(stopping, { exit = "ok", longer_than = 3 })
wait(5)
expect_device("0x8cdf9d911c60", "free")
expect_running("vme2", nil)
