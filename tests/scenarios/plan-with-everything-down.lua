story "Plan honesty: neither ExpEther Manager nor the node answers; plan ends, says so, and writes nothing"

admin("eem", { up = false })
partition "ms1"
local before = changes()
local planned = plan("vme2", "ms1")
expect(planned, { exit = "ok", within = 61 })
expect_unchanged(before)
for _, step in ipairs(planned.result) do
  if step.state == "already" and step.name ~= "VM not running on another node" then
    fail("the plan says that %q holds, and nobody could be asked", step.name)
  end
end
