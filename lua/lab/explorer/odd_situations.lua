-- Situations in which something is not as it seems or is not told, and each rule stands alone: the
-- machine runs without its card, a dead node's board keeps its power, a live one's is shown off, a
-- list lacks a row, a state is unknown, another host answers, another machine has the same name.
-- Fields: see situations.lua. `refused`: this command must not end well, not even where an answer
-- lacks rows; `except`: effects that are not played; `most`: at how many calls there are faults.

-- Before these nothing was wrong, so of what is an error a few are enough; what is no error is
-- played at every call.
local FEW = { "refuse", "timeout", "lie" }

-- ms1 has it until it stops; then ms2 can.
local function had_by_ms2(...)
  local after = { ... }
  table.move({
    { "stop", "ms1" }, { "wait", 60 }, { "must", "start", "ms2" }, { "must", "monitor", "ms2" },
  }, 1, 4, #after + 1, after)
  return { after }
end

-- What stays so is asked again until the run's time is up: a short time, and faults at the first
-- calls, which the later ones repeat.
local BRIEF, FIRST_CALLS = { timeout = 20 }, 16

-- Hyper-V's word is wrong already: that its lists are wrong, too, would be one lie too many.
local LISTS = { empty = true, short = true, ["empty from here"] = true }

local GPU = "0x8cdf9d911c60"

return {
  {
    name = "start, runs elsewhere cardless", command = "start", node = "ms2", refused = true,
    effects = FEW,
    before = { { "hand", "start", "ms1" }, { "wait", 5 }, { "disk", "ms2" } },
    after = had_by_ms2(),
  },
  {
    name = "start after a failover, board on", command = "start", node = "ms2",
    options = { event = "failover" }, effects = { "refuse" },
    before = { { "must", "start", "ms1" }, { "kill", "ms1", "on" }, { "disk", "ms2" } },
    after = {
      { { "must", "start", "ms2", { event = "failover" } }, { "must", "monitor", "ms2" } },
      {
        { "boot", "ms1" }, { "must", "recover", "ms1" }, { "must", "start", "ms2" },
        { "must", "monitor", "ms2" },
      },
    },
  },
  {
    name = "start, nobody says it is dead", command = "start", node = "ms2", refused = true,
    effects = FEW,
    before = { { "must", "start", "ms1" }, { "kill", "ms1", "on" }, { "disk", "ms2" } },
    after = {
      { { "must", "start", "ms2", { event = "failover" } }, { "must", "monitor", "ms2" } },
    },
  },
  {
    name = "start, the other is silent", command = "start", node = "ms2", refused = true,
    effects = FEW,
    before = { { "must", "start", "ms1" }, { "silent", "ms1", true }, { "disk", "ms2" } },
    after = had_by_ms2({ "silent", "ms1", false }),
  },
  {
    -- whom ExpEther Manager shows off, and who is silent, counts as dead
    name = "start, live board shown off", command = "start", node = "ms2", refused = true,
    effects = { "refuse", "lie" }, except = { silence = true },
    before = { { "must", "start", "ms1" }, { "board", "ms1", "off" }, { "disk", "ms2" } },
    after = had_by_ms2({ "board", "ms1" }),
  },
  {
    name = "start, another has the card", command = "start", node = "ms1", refused = true,
    cluster = "rivals", effects = FEW,
    before = { { "must", "start", "ms2", { vm = "vme3" } } },
    after = {
      {
        { "must", "monitor", "ms2", { vm = "vme3" } }, { "must", "stop", "ms2", { vm = "vme3" } },
        { "must", "start", "ms1" }, { "must", "monitor", "ms1" },
      },
    },
  },
  {
    name = "start, the address leads here", command = "start", node = "ms2", refused = true,
    effects = FEW,
    before = { { "must", "start", "ms1" }, { "answers as", "ms1", "ms2" }, { "disk", "ms2" } },
    after = had_by_ms2({ "answers as", "ms1" }),
  },
  {
    name = "start, state elsewhere unknown", command = "start", node = "ms2", refused = true,
    effects = FEW,
    before = { { "must", "start", "ms1" }, { "shows", "ms1", 1 }, { "disk", "ms2" } },
    after = had_by_ms2({ "shows", "ms1" }),
  },
  {
    name = "start, shown off elsewhere", command = "start", node = "ms2", refused = true,
    effects = FEW,
    before = { { "must", "start", "ms1" }, { "shows", "ms1", 3 }, { "disk", "ms2" } },
    after = had_by_ms2({ "shows", "ms1" }),
  },
  {
    name = "start, not listed elsewhere", command = "start", node = "ms2", refused = true,
    effects = FEW, options = BRIEF,
    most = FIRST_CALLS,
    before = { { "must", "start", "ms1" }, { "forgets", "ms1", { "vme2" } }, { "disk", "ms2" } },
    after = had_by_ms2({ "forgets", "ms1" }),
  },
  {
    name = "start, nothing listed elsewhere", command = "start", node = "ms2", refused = true,
    effects = FEW, options = BRIEF,
    most = FIRST_CALLS,
    before = { { "must", "start", "ms1" }, { "forgets", "ms1", "all" }, { "disk", "ms2" } },
    after = had_by_ms2({ "forgets", "ms1" }),
  },
  {
    name = "start, EEM lacks the card", command = "start", node = "ms1", refused = true,
    effects = FEW, before = { { "forgets", "eem", { GPU } } },
    after = { { { "forgets", "eem" }, { "must", "start", "ms1" }, { "must", "monitor", "ms1" } } },
  },
  {
    name = "stop, EEM lacks the card", command = "stop", node = "ms1", effects = FEW,
    before = { { "must", "start", "ms1" }, { "forgets", "eem", { GPU } } },
    after = {
      {
        { "forgets", "eem" }, { "must", "stop", "ms1" }, { "disk", "ms2" },
        { "must", "start", "ms2" },
      },
    },
  },
  {
    name = "stop, not listed", command = "stop", node = "ms1", effects = FEW, options = BRIEF,
    most = FIRST_CALLS,
    before = { { "must", "start", "ms1" }, { "forgets", "ms1", { "vme2" } } },
    after = { { { "forgets", "ms1" }, { "must", "stop", "ms1" }, { "must", "start", "ms1" } } },
  },
  {
    name = "stop, nothing listed", command = "stop", node = "ms1", effects = FEW, options = BRIEF,
    most = FIRST_CALLS,
    before = { { "must", "start", "ms1" }, { "forgets", "ms1", "all" } },
    after = { { { "forgets", "ms1" }, { "must", "stop", "ms1" }, { "must", "start", "ms1" } } },
  },
  {
    name = "stop, state unknown", command = "stop", node = "ms1", effects = FEW, options = BRIEF,
    most = FIRST_CALLS,
    before = { { "must", "start", "ms1" }, { "shows", "ms1", 7 } },
    after = { { { "shows", "ms1" }, { "must", "stop", "ms1" }, { "must", "start", "ms1" } } },
  },
  {
    name = "stop, shown off", command = "stop", node = "ms1", effects = FEW, options = BRIEF,
    most = FIRST_CALLS, except = LISTS,
    before = { { "must", "start", "ms1" }, { "shows", "ms1", 3 } },
    after = { { { "shows", "ms1" }, { "must", "stop", "ms1" }, { "must", "start", "ms1" } } },
  },
  {
    name = "recover, shown off", command = "recover", node = "ms1", effects = FEW, options = BRIEF,
    most = FIRST_CALLS, except = LISTS,
    before = { { "must", "start", "ms1" }, { "shows", "ms1", 3 } },
    after = { { { "shows", "ms1" }, { "must", "monitor", "ms1" }, { "must", "stop", "ms1" } } },
  },
  {
    name = "recover where it runs", command = "recover", node = "ms1",
    effects = { "crash before", "crash after", "timeout", "refuse", "lie", "garbage" },
    before = { { "must", "start", "ms1" } },
    after = { { { "must", "monitor", "ms1" }, { "must", "stop", "ms1" } } },
  },
  {
    name = "recover, not listed", command = "recover", node = "ms1", effects = FEW, options = BRIEF,
    most = FIRST_CALLS,
    before = { { "must", "start", "ms1" }, { "forgets", "ms1", { "vme2" } } },
    after = { { { "forgets", "ms1" }, { "must", "monitor", "ms1" }, { "must", "stop", "ms1" } } },
  },
  {
    name = "recover, state unknown", command = "recover", node = "ms1", effects = FEW,
    options = BRIEF,
    most = FIRST_CALLS,
    before = { { "must", "start", "ms1" }, { "shows", "ms1", 8 } },
    after = { { { "shows", "ms1" }, { "must", "monitor", "ms1" }, { "must", "stop", "ms1" } } },
  },
  {
    name = "monitor, not listed", command = "monitor", node = "ms1",
    before = { { "must", "start", "ms1" }, { "forgets", "ms1", { "vme2" } } },
    after = { { { "forgets", "ms1" }, { "must", "monitor", "ms1" } } },
  },
  {
    name = "monitor, state unknown", command = "monitor", node = "ms1",
    before = { { "must", "start", "ms1" }, { "shows", "ms1", 5 } },
    after = { { { "shows", "ms1" }, { "must", "monitor", "ms1" } } },
  },
  {
    name = "monitor, an older heartbeat", command = "monitor", node = "ms1",
    before = { { "guest is", { heartbeat = 3 } }, { "must", "start", "ms1" } },
    after = { { { "must", "monitor", "ms1" } } },
  },
  {
    -- the items of its last boot say that it works; the guest's publisher takes half a minute
    name = "start, the card is broken", command = "start", node = "ms1", refused = true,
    cluster = "witness", effects = {}, options = { timeout = 120 }, most = FIRST_CALLS,
    before = {
      { "must", "start", "ms1" }, { "wait", 100 }, { "must", "stop", "ms1" },
      { "guest is", { broken_driver = true, publisher = 30 } },
    },
    after = {
      {
        { "guest is", { broken_driver = false, publisher = 0 } }, { "must", "start", "ms1" },
        { "must", "monitor", "ms1" },
      },
    },
  },
  {
    name = "start beside its namesakes", command = "start", node = "ms1", cluster = "twins",
    effects = { "refuse" }, before = {},
    after = { { { "must", "start", "ms1" }, { "must", "monitor", "ms1" } } },
  },
  {
    name = "stop beside its namesakes", command = "stop", node = "ms1", cluster = "twins",
    effects = FEW, before = { { "must", "start", "ms1" } },
    after = {
      { { "must", "stop", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2" } },
    },
  },
}
