-- Devices that failed lately: how long they are remembered, where, and what that may never stop.
local fs = require("fs")
local json = require("json")
local quarantine = require("failover.devices.quarantine")
local scheduler = require("core.scheduler")
local virtual_clock = require("core.virtual_clock")

local CARD, OTHER = "0x8cdf9d911c60", "0x8cdf9d911c64"

local directory, now, warnings

before_each(function()
  directory = os.tmpname()
  os.remove(directory)
  fs.make_directory(directory)
  now, warnings = 1800000000, {}
end)

after_each(function()
  for _, name in ipairs(fs.list(directory)) do
    fs.remove(directory .. "/" .. name)
  end
  fs.remove(directory)
end)

local function open(store, settings)
  return quarantine.open({
    store = store or quarantine.in_directory(directory), settings = settings, node = "ms1",
    wall = function()
      return now
    end,
    warn = function(text)
      warnings[#warnings + 1] = text
    end,
  })
end

local function fail_once(store, settings)
  local q = open(store, settings)
  q:suspect(CARD, "its link is down")
  return q:settle()[1]
end

local function file()
  return directory .. "/quarantine.json"
end

describe("the quarantine of devices", function()
  it("begins with ten minutes and doubles up to a day", function()
    local seconds = {}
    for i = 1, 10 do
      local entry = fail_once()
      seconds[i] = entry["until"] - now
    end
    assert.are.same({ 600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, 86400, 86400 }, seconds)
  end)

  it("ends by itself, and goes on doubling when the device fails again soon after", function()
    fail_once()
    assert.is_not_nil(open():active()[CARD])
    now = now + 599
    assert.is_not_nil(open():active()[CARD])
    now = now + 1
    assert.is_nil(open():active()[CARD])
    assert.are.equal(2, fail_once().count)
  end)

  it("forgets how often a device failed a day after it was offered again", function()
    fail_once()
    now = now + 600 + 86401
    assert.are.equal(1, fail_once().count)
  end)

  it("tells how often a device failed in a row lately, also after its end", function()
    fail_once()
    now = now + 599
    fail_once()
    assert.are.same({ [CARD] = 2 }, open():failures())
    now = now + 1200
    assert.is_nil(open():active()[CARD])
    assert.are.same({ [CARD] = 2 }, open():failures())
    now = now + 86401
    assert.are.same({}, open():failures())
    assert.are.same({}, open(nil, { first = 0, most = 86400 }):failures())
  end)

  it("forgets a device that came into service, and no other", function()
    local q = open()
    q:suspect(CARD, "its link is down")
    q:suspect(OTHER, "its link is down")
    q:settle()
    q:cleared(CARD)
    assert.are.same({}, q:settle())
    assert.is_nil(open():active()[CARD])
    assert.is_not_nil(open():active()[OTHER])
  end)

  it("does not touch the file where nothing is learned", function()
    local q = open()
    q:cleared(CARD)
    q:settle()
    assert.is_nil(fs.find(file()))
  end)

  it("writes down who, when, why and how often", function()
    fail_once()
    assert.are.same({
      { id = CARD, since = now, ["until"] = now + 600, count = 1, reason = "its link is down",
        node = "ms1" },
    }, json.decode(fs.read(file())))
  end)

  it("does nothing and obeys nothing when first is 0", function()
    fail_once()
    local off = { first = 0, most = 86400 }
    assert.are.same({}, open(nil, off):active())
    assert.is_nil(fail_once(nil, off))
    assert.are.equal(1, json.decode(fs.read(file()))[1].count)
  end)

  it("does not believe an end that only a wrong clock can have written", function()
    now = now + 10 * 365 * 86400
    fail_once()
    now = now - 10 * 365 * 86400
    assert.are.same({}, open():list())
  end)

  it("warns of a damaged file, offers everything, and writes it anew", function()
    for _, text in ipairs({ "", "{", "7", '[{"id":"x"}]', '[{"id":1,"count":"many"}]', "[[]]" }) do
      warnings = {}
      fs.write(file(), text)
      local q = open()
      assert.are.same({}, q:active())
      assert.are.equal(1, #warnings, text)
      assert.are.equal(1, fail_once().count)
      assert.is_not_nil(open():active()[CARD])
    end
  end)

  it("warns where it cannot be read or written, and raises nothing", function()
    fs.write(directory .. "/file", "")
    local nowhere = quarantine.in_directory(directory .. "/file/below")
    assert.is_nil(fail_once(nowhere))
    assert.are.equal(1, #warnings)
    fs.make_directory(file()) -- cannot be read
    assert.are.same({}, open():active())
    assert.are.equal(2, #warnings)
    assert.is_nil(fail_once())
    assert.are.equal(3, #warnings)
  end)

  it("does not lose what others write at the same time", function()
    local tasks = {}
    for i = 1, 8 do
      tasks[i] = scheduler.spawn(function()
        local q = open()
        q:suspect("0x00000000000" .. i, "no")
        q:settle()
      end)
    end
    for _, task in ipairs(tasks) do
      scheduler.join(task)
    end
    assert.are.equal(8, #open():list())
    assert.are.same({}, warnings)
  end)

  it("leaves the file alone when another process keeps the lock, with a warning", function()
    local lock = fs.lock(directory .. "/quarantine.lock", "somebody")
    local clock = virtual_clock.new(0)
    local ok, made = scheduler.with_driver(clock, fail_once)
    lock:release()
    assert.is_true(ok)
    assert.is_nil(made)
    assert.is_truthy(warnings[1]:find("locked by somebody", 1, true))
    assert.is_nil(fs.find(file()))
  end)
end)

describe("a step that waited for a device", function()
  -- Trouble is seen in [from, to] of a step that takes `took` seconds and ends in `code`.
  local function suspects(from, to, took, code)
    local gpu, c = { id = CARD }, { quarantine = open(quarantine.in_memory()) }
    c.gpus = { gpu }
    scheduler.with_driver(virtual_clock.new(0), function()
      for time = 0, took do
        if time >= from and time <= to then
          quarantine.seen(gpu, true)
        end
        scheduler.sleep(1)
      end
      quarantine.suspect_troubled(c, code and { code = code, message = "no" }, took)
    end)
    return c.quarantine.suspects[CARD] ~= nil
  end

  it("suspects one that was in trouble for its whole time", function()
    assert.is_true(suspects(0, 60, 60, "NOT_REACHED"))
  end)

  it("does not suspect one when the service fell silent, or came back only at the end", function()
    assert.is_false(suspects(0, 40, 60, "NOT_REACHED"))
    assert.is_false(suspects(50, 60, 60, "NOT_REACHED"))
  end)

  it("does not suspect one for any other failure, nor for none", function()
    for _, code in ipairs({ "DEADLINE", "CANCELLED", "EEM_UNREACHABLE", "SECOND_WRITER" }) do
      assert.is_false(suspects(0, 60, 60, code))
    end
    assert.is_false(suspects(0, 60, 60, nil))
  end)
end)
