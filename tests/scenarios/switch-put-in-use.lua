story "An ExpEther Manager that lets a device in use be regrouped: freed first all the same, never a bare PUT"

cluster {
  switches = { put_in_use = "accept" }, devices = { ["0x8cdf9d911c60"] = { group_id = 50 } },
  vms = { vme2 = { prepared = true, registered = {} } },
}
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
expect_made("set group", 2)
expect_running("vme2", "ms2")
