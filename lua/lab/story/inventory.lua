-- What a story may expect of the inventory: what `takeover gpu list` and `takeover vm list` would
-- show now, as seen from a node. The inventory is compared with what the story says, so that it can
-- be wrong.
local actor = require("lab.simulated_command")
local context = require("failover.engine.context")
local inprocess = require("lab.direct")
local inventory = require("failover.inventory")
local find = require("core.lists").find

local M = {}

local function in_words(value)
  if type(value) == "table" then
    local parts = {}
    for i, one in ipairs(value) do
      parts[i] = tostring(one)
    end
    return "{" .. table.concat(parts, ", ") .. "}"
  end
  return tostring(value)
end

function M.add(story, v)
  local function read(node)
    local c = context.open({
      parameters = story.parameters, node = node or story.world:nodes()[1].name,
      natives = inprocess.natives(story.world, { node = node, by = "a look", count = 0 }),
      secret = function()
        return actor.SECRET
      end,
    })
    local situation = inventory.read(c, { nodes = "all", partitions = true, eem = "optional" })
    c:close()
    return situation
  end

  -- Fields are compared as words; `why` is to contain the text; false: the field is not there.
  local function compare(what, one, wanted)
    for field, value in pairs(wanted) do
      local got = one[field]
      local same = in_words(got) == in_words(value) or value == false and got == nil
      if field == "why" and value then
        same = got ~= nil and got:find(value, 1, true) ~= nil
      end
      if not same then
        story:complain("expected %s to be listed with %s %s, it is %s", what, field,
          in_words(value), in_words(got))
      end
    end
  end

  -- A device as `takeover gpu list` shows it.
  function v.expect_listed(id, wanted, node)
    local one = find(read(node).devices, "id", id)
    if not one then
      story:complain("the device %s is not listed", tostring(id))
    end
    compare(one.title, one, wanted)
  end

  -- A virtual machine as `takeover vm list` shows it.
  function v.expect_vm_listed(vm, wanted, node)
    local one = find(read(node).vms, "key", vm)
    if not one then
      story:complain("the virtual machine %s is not listed", tostring(vm))
    end
    compare(one.name, one, wanted)
  end

  -- All of it.
  v.inventory = read
end

return M
