story "An old script's fault: nothing but what is needed is changed, neither settings of the host nor of others"

expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
local known = {
  ["set group"] = true, disable = true, dismount = true, assign = true, unassign = true, start = true,
  ["shut down"] = true, shutdown = true, modify = true, copy = true, rename = true, destroy = true,
  ["delete file"] = true, ["lose file"] = true,
}
for _, change in ipairs(truth().changes) do
  if not known[change.verb] then
    fail("unexpected change: %s of %s", change.verb, change.target)
  end
end
expect_device("0x8cdf9d911c62", "free")
expect_device("0x8cdf9d9122b6", "free")
