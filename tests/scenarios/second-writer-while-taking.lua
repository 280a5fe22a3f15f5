story "While ms2 takes the GPU from ms1, which is down, somebody gives it to ms3: not overwritten, and said"

cluster {
  more = { nodes = { {
    name = "ms3", address = "192.168.0.201", group_id = 250, board = "0x8cdf9d911c03",
    switches = { "vSwitch" },
  } } },
  parameters = { nodes = { ms3 = { group_id = 250, address = "192.168.0.201" } } },
  devices = { ["0x8cdf9d911c60"] = { group_id = 50 } }, vms = { vme2 = { prepared = true, registered = {} } },
}
kill "ms1"
move_disk "ms2"
when({ verb = "DELETE" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 250 })
end)
expect(start("vme2", "ms2", { event = "failover" }), {
  exit = "failed", code = "SECOND_WRITER", says = "group 250", failed_at = "GPU not held by another node",
})
expect_running("vme2", nil)
wait(10)
expect_device("0x8cdf9d911c60", "ms3")
