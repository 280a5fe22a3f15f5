-- The real thing agrees: a sample of the explorer's schedules (fixtures/agreement.lua), played in
-- process on virtual time and again with real processes, real HTTP and kill -9 against labs in
-- processes of their own, ends in the same world, and each command with the same exit code. Timing
-- differs; the ends must not.
local agreement = require("support.agreement")
local explorer = require("lab.explorer")
local player = require("lab.explorer.play")
local scheduler = require("core.scheduler")
local site_module = require("support.site")

local SCALE = 0.1 -- of the explorer's latencies
local SITES = 4 -- side by side: most of the time is waiting
local PATIENCE = 2 -- seconds that a command waits for an answer that does not come

local stories = dofile("tests/fixtures/agreement.lua")

-- What the sample has between them.
local COVERED = {
  "start", "stop", "prepare", "recover", "monitor", "kill", "boot", "disk", "failover",
}

local setting = explorer.setting(nil, "seed")
local expected, found = {}, {} -- by sentence

local function latency()
  local scaled = {}
  for name, seconds in pairs(setting.latency) do
    scaled[name] = seconds * SCALE
  end
  return scaled
end

-- Parameters with which a command soon gives up an answer, for the stories in which one is missing:
-- on a busy machine the others must not.
local function set_patience(site, schedule)
  local login = ('user = "%s", password = secret "lab"'):format(site_module.USER)
  for _, event in ipairs(schedule) do
    local faults = type(event[3]) == "table" and event[3].faults or {}
    for _, effect in pairs(faults) do
      if effect:find("^timeout") and not login:find("timeout") then
        login = ("%s, timeout = %d"):format(login, PATIENCE)
      end
    end
  end
  site:parameters({ eem = login, wmi = login .. ', auth = "basic"' })
end

-- One after the other, as long as there are any.
local function play_in(site, left)
  while #left > 0 do
    local number = #left
    local title, schedule = table.unpack(table.remove(left))
    set_patience(site, schedule)
    found[title] = agreement.for_real(site, schedule, "story-" .. number, expected[title].ends)
  end
end

setup(function()
  local left, tasks = {}, {}
  for i, story in ipairs(stories) do
    expected[story[1]] = agreement.in_process(setting, story[2])
    left[i] = story
  end
  for i = 1, SITES do
    tasks[i] = scheduler.spawn(function()
      local site = site_module.open({ latency = latency(), vms = setting.vms })
      local ok, problem = pcall(play_in, site, left)
      site:close()
      return ok or error(problem, 0)
    end)
  end
  for _, task in ipairs(tasks) do
    assert(scheduler.join(task))
  end
end)

describe("with real processes as in process, a machine", function()
  for _, story in ipairs(stories) do
    local title = story[1]
    it(title, function()
      assert.are.same(expected[title].codes, found[title].codes, found[title].said)
      assert.are.same(expected[title].ends, found[title].ends, found[title].said)
      assert.are.same({}, found[title].ends.violations)
    end)
  end

  it("meets every command, event and fault in the sample", function()
    local met, missing = {}, {}
    for _, story in ipairs(stories) do
      for _, event in ipairs(story[2]) do
        local must = event[1] == "must"
        local options = event[must and 4 or 3]
        met[must and event[2] or event[1]] = true
        if type(options) == "table" then
          met[options.event or "no event"] = true
          for _, effect in pairs(options.faults or {}) do
            met[effect] = true
          end
        end
      end
    end
    for _, words in ipairs({ COVERED, player.effects }) do
      for _, word in ipairs(words) do
        missing[#missing + 1] = not met[word] and word or nil
      end
    end
    assert.are.same({}, missing)
  end)
end)
