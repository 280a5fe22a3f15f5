story "An operator puts the chosen card into ms2's group, right after \"GPU free, or evidence that it may be taken\": not overwritten, told"

when({ step = "GPU free, or evidence that it may be taken", state = "already" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)
expect(start("vme2", "ms1"), { exit = "failed", code = "SECOND_WRITER" })
for _, device in ipairs(truth().devices) do
  if device.id == "0x8cdf9d911c60" and device.group_id ~= 150 then
    fail("the group is %s", tostring(device.group_id))
  end
end
