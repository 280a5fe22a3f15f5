story "stop comes when the GPU is dismounted and Hyper-V does not list it yet: the node has it back all the same"

local stopping
when({ method = "DismountAssignableDevice", by = "ms1 start" }, function()
  stopping = launch("stop", "vme2", "ms1")
end)
expect(start("vme2", "ms1"), { exit = "cancelled", undone = true })
expect_made("mount", 1)
expect(stopping, { exit = "ok" })
for _, entry in ipairs(truth().nodes[1].functions) do
  if entry.dismounted then
    fail("ms1 keeps a record of %s as dismounted", entry.device)
  end
end
