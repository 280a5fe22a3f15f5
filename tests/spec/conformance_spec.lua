-- The two faces of the lab's world must not differ: scripts are explored against the natives of
-- lua/lab/direct, and run with the natives in C. Here the same call is made through both, on
-- worlds that are alike, in every state of a story and with every fault, and what it answers or
-- raises and what it leaves behind is compared. Where they differ, C is right.
local failure = require("failure")
local inprocess = require("lab.direct")
local scheduler = require("core.scheduler")
local seed = require("lab.clusters.seed")
local tables = require("support.conformance")
local support = require("support.hyperv")
local world_module = require("lab.world")

local looks, changes, states = tables.looks, tables.changes, tables.states
local JOBS = { job_timeout = 3 }
-- Under Wine the natives in C may reach the lab through COM, which has no HTTP to fail.
local OVER_COM = os.getenv("TAKEOVER_TEST_TRANSPORT") == "com"

-- Whether a fault of the transport is one of WMI's own.
local function can_happen(rule)
  return not OVER_COM or rule.hresult ~= nil
end

local function words_of(rule)
  local rows = type(rule.rows) == "table" and table.concat(rule.rows, ", ") or rule.rows
  local class = rule.match and " of " .. rule.match.class or ""
  return string.format(rule.hresult and "%s 0x%08X" or "%s %s", rule.effect,
    rule.hresult or rule.http or rule.code or rule.text or rule.value or rows or "") .. class
end

---- comparing ---------------------------------------------------------------------------------

-- Times differ from face to face; that they are told must not.
local timely = {
  uptime = true, percent = true, age = true, modified = true, update_time = true, time = true,
  by = true,
}

local function plain(value)
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for key, inner in pairs(value) do
    copy[key] = timely[key] and type(inner) or plain(inner)
  end
  return copy
end

-- What a call gives: its answer, or its failure's marks.
local function outcome(call, natives)
  local ok, raised, more = pcall(call, natives)
  if ok then
    return { plain(raised), plain(more) }
  elseif not failure.is(raised) then
    return { misuse = tostring(raised) }
  end
  local target = raised.target
  if target and (target:find("^%a+://") or target:find("^SELECT ")) then
    target = nil -- an address or a query, which only sockets have
  end
  local marks = {
    code = raised.code, transient = raised.transient, maybe_executed = raised.maybe_executed,
    hresult = raised.hresult, http = raised.http, target = target,
  }
  if OVER_COM then
    marks.http = nil
    if raised.code == "WMI_UNREACHABLE" then -- RPC has numbers for this, and is less certain
      marks.hresult, marks.maybe_executed = nil, nil
    end
  end
  return marks
end

-- What is true afterwards: everything but times and the count of requests.
local function truth(world)
  world:advance()
  local shown = plain(world:truth())
  shown.counters, shown.time = nil, nil
  return shown
end

-- One line for each place where the two differ.
local function differences(c, lua, where, into)
  if type(c) ~= "table" or type(lua) ~= "table" then
    if c ~= lua then
      into[#into + 1] = string.format("%s: in C %s, in Lua %s", where, tostring(c), tostring(lua))
    end
    return into
  end
  for key, value in pairs(c) do
    differences(value, lua[key], where .. "." .. key, into)
  end
  for key, value in pairs(lua) do
    if c[key] == nil then
      differences(nil, value, where .. "." .. key, into)
    end
  end
  return into
end

describe("both faces of the world", function()
  local rig, c, connection

  setup(function()
    rig = support.start()
    connection = rig:wmi()
    c = { e = require("eem").open(rig.lab.eem), p = rig:pnp(), f = rig:files() }
  end)

  teardown(function()
    c.e:close()
    rig:stop()
  end)

  -- Both worlds in a state, and the natives on them.
  local function prepare(state, jobs)
    local given = state[3] or {}
    local options = { latency = {}, vms = given.vms }
    for name in pairs(world_module.latency) do
      options.latency[name] = given.latency and given.latency[name] or 0
    end
    options.latency.job_kept = 300
    options.switches = { dead_nodes = "refused" } -- silence takes real time
    rig.lab.server:reset(options)
    options.cluster, options.clock = seed, scheduler
    local world = world_module.new(options)
    local natives = inprocess.natives(world, { by = "?", count = 0 })
    local ms1 = natives.wmi(nil, "ms1")
    local faces = {
      { world = rig.lab.server.world, e = c.e, h = require("hyperv").open(connection, jobs or JOBS),
        p = c.p, f = c.f },
      { world = world, e = natives.eem(), h = natives.hyperv(ms1, jobs or JOBS),
        p = natives.pnp(ms1), f = natives.files(ms1) },
    }
    for _, face in ipairs(faces) do
      for word in state[2]:gmatch("%S+") do
        local code, job = tables.happen[word](face.world, face.world:node("ms1"))
        face.world:advance()
        assert(code == nil or code == 0 or code == 4096 and job.state < 10, word .. " fails")
      end
    end
    rig.lab.server:follow_power()
    return faces
  end

  -- Makes a call through both; adds what differs to `found`.
  local function compare(faces, name, call, found)
    differences(outcome(call, faces[1]), outcome(call, faces[2]), name, found)
    differences(truth(faces[1].world), truth(faces[2].world), "the world after " .. name, found)
  end

  local function judge(faces, found)
    faces[1].h:close()
    assert(#found == 0, table.concat(found, "\n"))
  end

  for _, state in ipairs(states) do
    it("answer every look alike: " .. state[1], function()
      local faces, found = prepare(state), {}
      for name, look in pairs(looks) do
        compare(faces, name, look, found)
      end
      judge(faces, found)
    end)

    for name, change in pairs(changes) do
      if not tables.slow[name] or state[2]:find("dismount") and not state[2]:find("free") then
        it(name .. ": " .. state[1], function()
          local faces, found = prepare(state), {}
          compare(faces, name, change, found)
          judge(faces, found)
        end)
      end
    end
  end

  local by_name = {}
  for _, state in ipairs(states) do
    by_name[state[1]] = state
  end

  local function disturb(faces, rule, verb)
    for _, face in ipairs(faces) do
      for target, known in pairs({ eem = "~^[PD]", ms1 = "Invoke" }) do
        local copy = { target = target, match = { verb = verb or known } }
        for key, value in pairs(rule) do
          copy[key] = value
        end
        face.world.faults:add(copy)
      end
    end
  end

  for _, rules in ipairs({ tables.transport, tables.truths }) do
    for _, rule in ipairs(rules) do
      local possible = rules == tables.truths or can_happen(rule)
      for name, state in pairs(possible and tables.works or {}) do
        it(name .. " with a fault: " .. words_of(rule), function()
          -- Only what hangs is waited for to the end; Wine is slower.
          local hangs = rule.effect == "job hangs"
          local jobs = { job_timeout = hangs and (OVER_COM and 1 or 0.3) or 3 }
          local faces, found = prepare(by_name[state], jobs), {}
          disturb(faces, rule)
          compare(faces, name, changes[name] or looks[name], found)
          judge(faces, found)
        end)
      end
    end
  end

  local function hide(faces, rule)
    for _, face in ipairs(faces) do
      for _, target in ipairs({ "eem", "ms1" }) do
        local copy = { target = target }
        for key, value in pairs(rule) do
          copy[key] = value
        end
        face.world.faults:add(copy)
      end
    end
  end

  for _, rule in ipairs(tables.lists) do
    for _, name in ipairs({ "running with the GPU", "dismounted", "planned" }) do
      it("show alike in every look: " .. words_of(rule) .. ", " .. name, function()
        local faces, found = prepare(by_name[name]), {}
        hide(faces, rule)
        for look, call in pairs(looks) do
          local verb = look:match("^%S+")
          if not (rule.match and tables.asks_twice[verb]) then
            compare(faces, look, call, found)
          end
        end
        judge(faces, found)
      end)
    end
    for name, state in pairs(tables.works) do
      it(name .. " with missing rows: " .. words_of(rule), function()
        local faces, found = prepare(by_name[state]), {}
        hide(faces, rule)
        compare(faces, name, changes[name] or looks[name], found)
        judge(faces, found)
      end)
    end
  end

  for _, rule in ipairs(tables.transport) do
    local title = "fail alike in every look: " .. words_of(rule)
    local _ = can_happen(rule) and it(title, function()
      local faces, found = prepare(by_name["running with the GPU"]), {}
      disturb(faces, rule, "~^[EG]")
      for name, look in pairs(looks) do
        compare(faces, name, look, found)
      end
      judge(faces, found)
    end)
  end
end)
