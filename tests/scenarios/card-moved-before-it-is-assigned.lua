story "Somebody moves the card when it is dismounted: seen before it is assigned, the VM is not started, nothing is overwritten"

when({ step = "GPU dismounted from this node" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)
expect(start("vme2", "ms1"), { code = "SECOND_WRITER" })
expect_made("start", 0)
for _, device in ipairs(truth().devices) do
  if device.id == "0x8cdf9d911c60" and device.group_id ~= 150 then
    fail("the group is %s", tostring(device.group_id))
  end
end
