-- How often a command asks the world, counted in the simulator on virtual time: looks and changes
-- of ExpEther Manager and of the nodes together. The numbers are what it took before devices could
-- be chosen by description; whoever needs more for a device that is asked for by id says here why:
-- the simulator counts a look at assignments as the two requests that it is (settings and devices);
-- that something is not there, or off, is told by a second witness (docs/safety.md).
local explorer = require("lab.explorer")

local START, STOP = { "start", "ms1" }, { "stop", "ms1" }

local function calls(schedule)
  local problem, play = explorer.play(explorer.setting(), schedule)
  assert.is_nil(problem)
  assert.are.equal(0, play.code)
  return play.calls
end

describe("a virtual machine whose device is asked for by id", function()
  for _, case in ipairs({
    { "start", { START }, 93 },
    { "start of what runs", { START, START }, 21 },
    { "stop", { START, STOP }, 69 },
    { "monitor", { START, { "monitor", "ms1" } }, 10 },
    {
      "start after a failover",
      {
        START, { "kill", "ms1" }, { "disk", "ms2" }, { "start", "ms2", { event = "failover" } },
      }, 136,
    },
  }) do
    it(("costs no more than %d calls at a %s"):format(case[3], case[1]), function()
      assert.is_true(calls(case[2]) <= case[3], calls(case[2]))
    end)
  end
end)
