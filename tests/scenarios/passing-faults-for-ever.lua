story "A fault that passes never ends, at each change of a start in turn: the run ends inside its deadline, and takes back what it made"

local methods = {
  "ModifySystemSettings", "DismountAssignableDevice", "AddResourceSettings", "RequestStateChange",
}
for _, method in ipairs(methods) do
  local id = fault { target = "ms1", match = { method = method }, effect = "error",
    code = 2150859174, text = "too many operations of this user" }
  expect(start("vme2", "ms1", { quiet = true }), {
    exit = "failed", code = "WMI_BUSY", undone = true, longer_than = 1500, within = 1770,
  })
  wait(2)
  expect_device("0x8cdf9d911c60", "free")
  heal(id)
end
