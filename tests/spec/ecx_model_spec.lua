-- The rules of the model of EXPRESSCLUSTER itself, with scripts that only take time and end as they
-- are told. What `takeover` does under it is in tests/scenarios/ecx-*.lua.
local ecx = require("lab.ecx")
local scheduler = require("core.scheduler")
local virtual_clock = require("core.virtual_clock")

local bench

-- A run of a script. plan: { exit = "ok", takes = seconds }
local function run_of(command, node, options, plan)
  local run = { command = command, node = node, options = options, began = scheduler.now() }
  local task = scheduler.spawn_family(function()
    scheduler.sleep(plan.takes or 1)
    run.exit = plan.exit or "ok"
  end)
  function run:wait()
    scheduler.join(task)
    self.exit = self.exit or "killed"
    self.ended = true
    return self
  end
  function run:kill()
    self.killed_at = scheduler.now()
    scheduler.abandon(task)
  end
  return run
end

local function new_node(name)
  return { name = name, up = true, power = true, epoch = 0 }
end

-- A stage with two servers. `bench.scripts["start ms1"]` is a plan, or a list of plans of which the
-- last stays.
local function new_bench()
  bench = {
    nodes = { ms1 = new_node("ms1"), ms2 = new_node("ms2") }, scripts = {}, runs = {}, lines = {},
    disk = { owner = nil },
  }
  local world = { disks = { G = bench.disk } }
  function world.advance() end
  function world.node(_, name)
    return bench.nodes[name]
  end
  function world.admin(_, verb, arguments)
    assert.equal("move disk", verb)
    bench.disk.owner = arguments.node
  end
  bench.stage = {
    world = world,
    tell = function(...)
      table.insert(bench.lines, (string.format(...)))
    end,
    run = function(command, _, node, options)
      local plans = bench.scripts[command .. " " .. node] or {}
      local plan = plans[1] and (#plans > 1 and table.remove(plans, 1) or plans[1]) or plans
      local run = run_of(command, node, options, plan)
      table.insert(bench.runs, run)
      return run
    end,
    power_off = function(name)
      local node = bench.nodes[name]
      node.up, node.power, node.epoch = false, false, node.epoch + 1
      if bench.disk.owner == name then
        bench.disk.owner = nil
      end
    end,
    power_on = function(name)
      local node = bench.nodes[name]
      node.up, node.power, node.epoch = true, true, node.epoch + 1
    end,
    complain = function(...)
      error(string.format(...), 0)
    end,
    broken = function(text)
      bench.problem = text
    end,
  }
end

-- Plays fn(cluster) on virtual time.
local function play(options, fn)
  local ok, problem = scheduler.with_driver(virtual_clock.new(0), function()
    bench.cluster = ecx.new(bench.stage, options)
    fn(bench.cluster)
  end)
  assert(ok, tostring(problem))
  assert.is_nil(bench.problem)
end

local function settle()
  local began = scheduler.now()
  repeat
    scheduler.sleep(1)
    assert(scheduler.now() - began < 10000, table.concat(bench.lines, "\n"))
  until bench.cluster:is_quiet()
end

local function started(cluster)
  cluster:start()
  settle()
  return cluster.groups[1], cluster.by_name.ms1, cluster.by_name.ms2
end

-- "start ms1 start/, stop ms1 start/groupmove": command, server, event and factor of each script.
local function history(from)
  local texts = {}
  for i = from or 1, #bench.runs do
    local run = bench.runs[i]
    if run.command ~= "monitor" then
      texts[#texts + 1] = ("%s %s %s/%s"):format(run.command, run.node, run.options.ecx.event or "",
        run.options.ecx.factor or "")
    end
  end
  return table.concat(texts, ", ")
end

local function last()
  return bench.runs[#bench.runs]
end

local function said(text)
  for _, line in ipairs(bench.lines) do
    if line:find(text, 1, true) then
      return true
    end
  end
  return false
end

describe("the model of EXPRESSCLUSTER", function()
  before_each(new_bench)

  describe("gives scripts", function()
    it("the event START and the words of the home server when the cluster starts", function()
      play({}, function(cluster)
        started(cluster)
        local given = last().options.ecx
        assert.same({ "start", "home", "success", 1, "Failover-vme2", true, "ms1" }, {
          given.event, given.server, given.disk, given.priority, given.group, given.under_cluster,
          bench.disk.owner,
        })
        assert.is_nil(given.factor)
        assert.is_nil(given.previous_server)
      end)
    end)

    it("GROUPMOVE to the stop, START to the start of a move, and where the group was", function()
      play({}, function(cluster)
        local group, ms1, ms2 = started(cluster)
        cluster:relocate(group, ms1, ms2, "groupmove", "start")
        settle()
        assert.equal("start ms1 start/, stop ms1 start/groupmove, start ms2 start/", history())
        assert.same({ "other", 2, "ms1" },
          { last().options.ecx.server, last().options.ecx.priority,
            last().options.ecx.previous_server })
        assert.equal("ms2", bench.disk.owner)
      end)
    end)

    it("the factors of a cluster's, a server's and a group's stop, which differ", function()
      play({}, function(cluster)
        local group, ms1, ms2 = started(cluster)
        cluster:shutdown_server(ms1)
        settle()
        assert.equal("stop ms1 start/servershutdown, start ms2 failover/", history(2))
        cluster:stop_group(group, ms2, "groupstop")
        assert.equal("stop ms2 failover/groupstop", history(4))
        cluster:start_group(group, ms2, "start")
        settle()
        cluster:stop(false)
        settle()
        assert.equal("stop ms2 start/clustershutdown", history(6))
      end)
    end)

    it("only what public scripts use, when it is told so", function()
      play({ variables = "verified" }, function(cluster)
        started(cluster)
        local given = last().options.ecx
        assert.same({ "start", "home", "success" }, { given.event, given.server, given.disk })
        assert.is_nil(given.group)
        assert.is_nil(given.resource)
        assert.is_nil(given.priority)
      end)
    end)

    it("CLP_DISK=FAILURE when the disk's failure does not end the activation", function()
      play({ disk_failure = "go on" }, function(cluster)
        cluster.groups[1].disk_faults = 1
        started(cluster)
        assert.equal("failure", last().options.ecx.disk)
        assert.is_nil(bench.disk.owner)
      end)
    end)
  end)

  describe("starting a group", function()
    it("kills a script when its time is up, and takes that for a failure", function()
      bench.scripts["start ms1"] = { { takes = 500 }, { takes = 5 } }
      play({ start_timeout = 100, start_retry = 1 }, function(cluster)
        local group = started(cluster)
        assert.equal(100, bench.runs[1].killed_at - bench.runs[1].began)
        assert.equal("start ms1 start/, start ms1 start/", history())
        assert.equal("online", group.on.ms1)
      end)
    end)

    it("tries as often as start_retry says, then the next server with FAILOVER, then no more",
      function()
        bench.scripts["start ms1"], bench.scripts["start ms2"] = { exit = "failed" },
          { exit = "failed" }
        play({ start_retry = 2, failovers = 5 }, function(cluster)
          local group = started(cluster)
          assert.equal(("start ms1 start/, "):rep(3) .. "stop ms1 start/groupfailover, "
            .. ("start ms2 failover/, "):rep(3):sub(1, -3), history())
          assert.same({ ms1 = "offline", ms2 = "online failure" }, group.on)
        end)
      end)

    it("does not leave the server when no failover is allowed", function()
      bench.scripts["start ms1"] = { exit = "failed" }
      play({ start_retry = 0, failovers = 0 }, function(cluster)
        local group = started(cluster)
        assert.equal("start ms1 start/", history())
        assert.same({ ms1 = "online failure" }, group.on)
      end)
    end)

    it("gives a whole number of failovers again after one success", function()
      bench.scripts["start ms1"] = { { exit = "failed" }, { exit = "ok" } }
      play({ start_retry = 0, failovers = 1 }, function(cluster)
        local group = started(cluster)
        assert.equal("online", group.on.ms2)
        assert.equal(0, group.failed_over)
      end)
    end)

    it("leaves out the stop script after a failed start when it is told so", function()
      bench.scripts["start ms1"] = { exit = "failed" }
      play({ start_retry = 0, stop_after_failed_start = false }, function(cluster)
        started(cluster)
        assert.equal("start ms1 start/, start ms2 failover/", history())
      end)
    end)

    it("does not judge exit codes when no normal value is set, but still kills", function()
      bench.scripts["start ms1"] = { exit = "failed" }
      play({ judged = false }, function(cluster)
        assert.equal("online", started(cluster).on.ms1)
      end)
      new_bench()
      bench.scripts["start ms1"] = { takes = 500 }
      play({ judged = false, start_timeout = 10, start_retry = 0, failovers = 0 },
        function(cluster)
          assert.equal("online failure", started(cluster).on.ms1)
        end)
    end)
  end)

  describe("takes as final action", function()
    local function failing_start(action)
      bench.scripts["start ms1"] = { { exit = "failed" }, { exit = "ok" } }
      local result
      play({ start_retry = 0, failovers = 0, start_final = action, failover = "manual" },
        function(cluster)
          local group, ms1 = started(cluster)
          result = { state = group.on.ms1, runs = cluster:runs(ms1), node = bench.nodes.ms1 }
        end)
      return result
    end

    it("nothing: the server runs on and the group is a failure", function()
      local r = failing_start("nothing")
      assert.same({ "online failure", true }, { r.state, r.runs })
    end)
    it("go on: as if it had not failed", function()
      assert.equal("online", failing_start("go on").state)
    end)
    it("stop group: its stop script runs with GROUPSTOP", function()
      assert.equal("offline", failing_start("stop group").state)
      assert.equal("start ms1 start/, stop ms1 start/groupstop", history())
    end)
    it("stop service: the server keeps its power and is no member any more", function()
      local r = failing_start("stop service")
      assert.same({ false, true }, { r.runs, r.node.up })
    end)
    it("shutdown: the server loses its power", function()
      local r = failing_start("shutdown")
      assert.same({ false, false }, { r.runs, r.node.power })
    end)
    it("reboot: it comes back and is a member again", function()
      local r = failing_start("reboot")
      assert.same({ true, 2 }, { r.runs, r.node.epoch })
    end)
    it("stop error: the power is gone at once", function()
      local r = failing_start("stop error")
      assert.same({ false, 1 }, { r.node.power, r.node.epoch })
    end)
  end)

  describe("stopping a group", function()
    it("shuts the server down when it fails, which is the default, and the other takes over",
      function()
        bench.scripts["stop ms1"] = { exit = "failed" }
        play({ stop_retry = 1 }, function(cluster)
          local group, ms1, ms2 = started(cluster)
          cluster:relocate(group, ms1, ms2, "groupmove", "start")
          settle()
          assert.equal("start ms1 start/, stop ms1 start/groupmove, stop ms1 start/groupmove, "
            .. "start ms2 failover/", history())
          assert.is_false(bench.nodes.ms1.power)
          assert.equal("online", group.on.ms2)
        end)
      end)

    it("kills a script that takes too long, and counts that as a failure", function()
      bench.scripts["stop ms1"] = { takes = 500 }
      play({ stop_timeout = 50 }, function(cluster)
        local group, ms1, ms2 = started(cluster)
        cluster:relocate(group, ms1, ms2, "groupmove", "start")
        settle()
        assert.equal(50, bench.runs[2].killed_at - bench.runs[2].began)
        assert.is_false(bench.nodes.ms1.power)
      end)
    end)

    it("leaves a failed group where it is when the final action is nothing", function()
      bench.scripts["stop ms1"] = { exit = "failed" }
      play({ stop_final = "nothing" }, function(cluster)
        local group, ms1, ms2 = started(cluster)
        cluster:relocate(group, ms1, ms2, "groupmove", "start")
        settle()
        assert.same({ ms1 = "offline failure" }, group.on)
        assert.equal("ms1", bench.disk.owner)
        assert.is_true(bench.nodes.ms1.power)
      end)
    end)
  end)

  describe("hearing servers", function()
    it("fails over after the heartbeat timeout and not before", function()
      play({ heartbeat_timeout = 60 }, function(cluster)
        local group = started(cluster)
        bench.stage.power_off("ms1")
        scheduler.sleep(58)
        assert.equal("start ms1 start/", history())
        scheduler.sleep(10)
        assert.equal("start ms1 start/, start ms2 failover/", history())
        assert.equal("online", group.on.ms2)
        assert.equal("ms2", bench.disk.owner)
      end)
    end)

    it("lets nothing go on that ran on a server without power", function()
      bench.scripts["start ms1"] = { takes = 50, exit = "failed" }
      play({ start_retry = 5, disk = false }, function(cluster)
        cluster:start()
        scheduler.sleep(20)
        bench.stage.power_off("ms1")
        settle()
        scheduler.sleep(100) -- the end of what ran there comes
        assert.equal("start ms1 start/, start ms2 failover/", history())
      end)
    end)

    it("starts nothing elsewhere when failover is manual", function()
      play({ failover = "manual" }, function(cluster)
        started(cluster)
        bench.stage.power_off("ms1")
        settle()
        assert.equal("start ms1 start/", history())
      end)
    end)

    it("runs what is configured on a server that returns, and no more", function()
      for word, expected in pairs({
        none = "", start = "start ms1 recover/",
        ["start, recover"] = "start ms1 recover/, recover ms1 recover/",
      }) do
        new_bench()
        play({ recover = word }, function(cluster)
          started(cluster)
          bench.stage.power_off("ms1")
          settle()
          bench.stage.power_on("ms1")
          settle()
          assert.equal(expected, history(3))
        end)
      end
    end)

    it("takes a group back to its home by a move when failback is automatic", function()
      play({ failback = "auto" }, function(cluster)
        started(cluster)
        bench.stage.power_off("ms1")
        settle()
        bench.stage.power_on("ms1")
        settle()
        assert.equal("stop ms2 failover/groupmove, start ms1 start/", history(3))
      end)
    end)

    it("waits for the other servers at a cold start, for startup_wait at the most", function()
      bench.nodes.ms1.up, bench.nodes.ms1.power = false, false
      play({ startup_wait = 200 }, function(cluster)
        cluster:start()
        scheduler.sleep(200)
        assert.equal("", history())
        scheduler.sleep(20)
        assert.equal("start ms2 start/", history())
      end)
    end)
  end)

  describe("in a partition", function()
    local function split(options, witness, power)
      local shut = {}
      play(options, function(cluster)
        local group = started(cluster)
        cluster:partition({ "ms1" }, witness, power)
        settle()
        shut.ms1, shut.ms2 = not bench.nodes.ms1.power, not bench.nodes.ms2.power
        shut.owner, shut.group = bench.disk.owner, group
        cluster:heal()
        settle()
        shut.after = { not bench.nodes.ms1.power, not bench.nodes.ms2.power }
      end)
      return shut
    end

    it("shuts down who does not reach the witness, before the other takes over", function()
      local shut = split({ resolution = "witness" })
      assert.same({ true, false }, { shut.ms1, shut.ms2 })
      assert.equal("start ms1 start/, start ms2 failover/", history())
      assert.is_true(bench.runs[2].began >= 32 + 20) -- split, then the shutdown's time
    end)

    it("lets the group where it is when its server has the witness", function()
      local shut = split({ resolution = "witness" }, { "ms1" })
      assert.same({ false, true }, { shut.ms1, shut.ms2 })
      assert.equal("start ms1 start/", history())
    end)

    it("shuts both down when nobody reaches the witness", function()
      local shut = split({ resolution = "witness" }, {})
      assert.same({ true, true }, { shut.ms1, shut.ms2 })
    end)

    it("starts the group on both without resolution; when they meet, servers are shut down",
      function()
        for word, expected in pairs({
          both = { true, true }, older = { true, false }, newer = { false, true },
        }) do
          new_bench()
          local shut = split({ double_active = word })
          assert.same({ false, false, "ms2" }, { shut.ms1, shut.ms2, shut.owner })
          assert.same(expected, shut.after)
          assert.is_true(said("is on two servers"))
        end
      end)

    it("gives no disk that a live server has, when it is told so", function()
      local shut = split({ disk_in_split = "refused" })
      assert.equal("start ms1 start/", history())
      assert.equal("ms1", shut.owner)
      assert.equal("online failure", shut.group.on.ms2)
    end)

    it("stops the other by force before it takes anything, or leaves it alone", function()
      local shut = split({ forced_stop = "works" }, nil, { "ms2" })
      assert.same({ true, false }, { shut.ms1, shut.ms2 })
      assert.equal("start ms1 start/, start ms2 failover/", history())
      new_bench()
      shut = split({ forced_stop = "fails" })
      assert.same({ false, false }, { shut.ms1, shut.ms2 })
      assert.equal("start ms1 start/", history())
    end)
  end)

  describe("monitoring", function()
    local function monitored(monitor, seconds, more)
      local options = more or {}
      options.monitor = monitor
      local result
      play(options, function(cluster)
        local group = started(cluster)
        scheduler.sleep(seconds)
        result = group
      end)
      return result
    end

    local function looks(node)
      local count = 0
      for _, run in ipairs(bench.runs) do
        count = count + (run.command == "monitor" and run.node == node and 1 or 0)
      end
      return count
    end

    it("looks at intervals on the server that has the group, and there only", function()
      monitored({ interval = 60 }, 610)
      assert.same({ 10, 0 }, { looks("ms1"), looks("ms2") })
    end)

    it("looks on every server when its timing is always, and does nothing without a target",
      function()
        bench.scripts["monitor ms2"] = { exit = "stopped" }
        monitored({ interval = 60, timing = "always", retry = 0 }, 600)
        assert.is_true(looks("ms2") > 5)
        assert.equal("start ms1 start/", history())
      end)

    it("forgives as many errors in a row as retry says", function()
      bench.scripts["monitor ms1"] = { { exit = "broken" }, { exit = "broken" }, { exit = "ok" },
        { exit = "broken" }, { exit = "broken" }, { exit = "ok" } }
      monitored({ retry = 2 }, 1000)
      assert.equal("start ms1 start/", history())
    end)

    it("fails over when they are more, with GROUPFAILOVER and FAILOVER", function()
      bench.scripts["monitor ms1"] = { exit = "broken" }
      local group = monitored({ retry = 2, interval = 60 }, 400)
      assert.equal("start ms1 start/, stop ms1 start/groupfailover, start ms2 failover/", history())
      assert.equal(3, looks("ms1"))
      assert.equal("online", group.on.ms2)
    end)

    it("restarts first, then fails over, then takes the final action once", function()
      bench.scripts["monitor ms1"], bench.scripts["monitor ms2"] = { exit = "broken" },
        { exit = "broken" }
      monitored({ recovery = "restart", restarts = 2, failovers = 1, retry = 0 }, 3000)
      assert.equal("start ms1 start/, " .. ("stop ms1 start/resourcerestart, start ms1 start/, ")
        :rep(2) .. "stop ms1 start/groupfailover, start ms2 failover/", history())
      assert.is_true(said("final action: nothing"))
    end)

    it("begins to count anew when it has been normal", function()
      bench.scripts["monitor ms1"] = { { exit = "broken" }, { exit = "ok" }, { exit = "broken" },
        { exit = "ok" } }
      local group = monitored({ recovery = "restart", restarts = 1, retry = 0 }, 1000)
      assert.equal("start ms1 start/" .. (", stop ms1 start/resourcerestart, start ms1 start/")
        :rep(2), history())
      assert.equal("online", group.on.ms1)
    end)

    it("kills a look that takes too long; whether that is an error is a switch", function()
      bench.scripts["monitor ms1"] = { takes = 500 }
      monitored({ timeout = 50, retry = 0 }, 200)
      assert.is_true(said("monitor script has had its 50 s"))
      assert.equal("start ms1 start/, stop ms1 start/groupfailover, start ms2 failover/", history())
      new_bench()
      bench.scripts["monitor ms1"] = { takes = 500 }
      monitored({ timeout = 50, retry = 0, timeout_counts = false }, 600)
      assert.equal("start ms1 start/", history())
    end)

    it("stays where it is when there is no other server", function()
      bench.scripts["monitor ms1"] = { exit = "broken" }
      monitored({ retry = 0 }, 600, { servers = { "ms1" } })
      assert.equal("start ms1 start/", history())
      assert.is_true(said("no server to fail over to"))
    end)

    it("only says so when recovery is nothing", function()
      bench.scripts["monitor ms1"] = { exit = "broken" }
      monitored({ retry = 0, recovery = "nothing" }, 600)
      assert.equal("start ms1 start/", history())
      assert.is_true(said("monitor: error (exit code 19)"))
    end)
  end)

  it("refuses a misspelt field and a word that is none", function()
    assert.error_matches(function()
      ecx.new(bench.stage, { start_timout = 5 })
    end, 'ecx has no field "start_timout"')
    assert.error_matches(function()
      ecx.new(bench.stage, { stop_final = "explode" })
    end, "stop_final is one of go on, nothing, .*, not \"explode\"")
    assert.error_matches(function()
      ecx.new(bench.stage, { monitor = { retries = 1 } })
    end, 'monitor has no field "retries"')
    assert.error_matches(function()
      ecx.new(bench.stage, { servers = { "ms9" } })
    end, "there is no server ms9")
  end)
end)
