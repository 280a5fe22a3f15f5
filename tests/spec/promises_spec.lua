-- What the documents promise of a run, seen from outside: the real program as a process of its own,
-- against a lab in another one.
local exit_codes = require("core.exit_codes")
local fs = require("fs")
local json = require("json")
local perform = require("lab.perform")
local process = require("process")
local site_module = require("support.site")

local contains, files_below = site_module.contains, site_module.files_below

local NEVER = 100000 -- seconds
local CONNECT_WITHIN = 1 -- seconds: the least that parameters.lua takes
local UNKNOWN = { vme2 = { registered = json.array({}) } }

local site

setup(function()
  site = site_module.open({ latency = 0, vms = UNKNOWN })
end)

teardown(function()
  site:close()
end)

before_each(function()
  site:reset()
  site.admin:clear_faults()
  site:parameters()
end)

-- Names and branches of the steps of a result or of a plan, sorted; so are the steps then.
local function outline(steps)
  local lines = {}
  table.sort(steps, function(a, b)
    return a.name < b.name
  end)
  for i, step in ipairs(steps) do
    lines[i] = (step.branch or "-") .. " " .. step.name
  end
  return lines
end

-- Facts that hold by themselves once those before them do, but could need an act.
local follows = {
  ["GPU visible on this node"] = true, ["VM's configuration valid here"] = true,
  ["VM without stale devices"] = true,
}

local function assert_as_before()
  local truth = site.admin:truth()
  local vm, gpu = site:vm(truth), site:gpu(truth)
  assert.are.same({ "free", 0, 0, 0 }, { gpu.state, #vm.registered, #vm.planned, #vm.running })
  assert.are.same({}, truth.violations)
end

describe("an edited step", function()
  it("changes the next run without a rebuild", function()
    for path, text in pairs(files_below("lua/failover")) do
      site:write("tree/" .. path, text)
    end
    local options = { lua_path = site.directory .. "/tree/lua" }
    local result = site:run({ "start", "vme2" }, options)
    assert.are.equal(0, result.code, result.stderr)
    contains(result.stdout, "VM running")
    local path = site.directory .. "/tree/lua/failover/steps/vm_power.lua"
    local text, edits = fs.read(path):gsub('step "VM running" {',
      'step "VM wide awake" {\n  when = function(c) c:note("edited") return true end,')
    assert.are.equal(1, edits)
    fs.write(path, text)
    result = site:run({ "start", "vme2" }, options)
    assert.are.equal(0, result.code, result.stderr)
    contains(result.stdout, "VM wide awake")
    contains(result.stdout, "edited")
    contains(site:run({ "start", "vme2" }).stdout, "VM running")
  end)
end)

describe("a link that never comes up", function()
  it("ends start within the step's time, undone, with the reason in one sentence", function()
    site:reset({ latency = { link = NEVER, unlink = 0 } })
    site:parameters({ eem = ('user = "%s", password = secret "lab", connect_within = %d'):format(
      site_module.USER, CONNECT_WITHIN) })
    local result = site:run({ "start", "vme2", "--json" })
    assert.are.equal(exit_codes.failed, result.code, result.stderr)
    local document = json.decode(result.stdout)
    assert.are.equal("LINK_DOWN", document.failure.code)
    assert.is_true(document.undone)
    for _, step in ipairs(document.steps) do
      if step.name == "GPU connected to this node" then
        assert.is_true(step.took >= CONNECT_WITHIN and step.took < 2 * CONNECT_WITHIN, step.took)
      end
    end
    local said = result.stderr:match("^[^\n]*")
    contains(said, "start of vme2 on ms1 failed: ")
    contains(said, "but its link is down (LINK_DOWN)")
    contains(result.stderr, "Everything else that this run changed is undone. Kept: the copy")
    contains(result.stderr, "What to do: look at power and cables of the device")
    assert_as_before()
  end)
end)

describe("a start that gets a signal", function()
  -- Ends start by a signal when `is_so` holds; gives what it said.
  local function interrupted(signal, is_so)
    local child = site:start({ "start", "vme2" }, { stdout = "pipe" })
    assert.is_truthy(site_module.wait_until(is_so))
    child:kill(signal)
    local lines = {}
    for line in function() return child:read_line({ timeout = 30 }) end do
      lines[#lines + 1] = line
    end
    local result = child:wait(30)
    child:close()
    assert.are.equal(exit_codes.cancelled, result.code, table.concat(lines, "\n"))
    return table.concat(lines, "\n")
  end

  for _, signal in ipairs({ "INT", "TERM" }) do
    it("(" .. signal .. ") while it waits takes everything back", function()
      site:reset({ latency = { link = NEVER, unlink = 0, enumerate = 0 } })
      local said = interrupted(signal, function()
        return site:gpu().group_id == 50
      end)
      contains(said, "undone  GPU connected to this node")
      assert_as_before()
    end)
  end

  for _, method in ipairs({
    "Disable", "DismountAssignableDevice", "ImportSystemDefinition", "RealizePlannedSystem",
    "AddResourceSettings", "RequestStateChange",
  }) do
    it("in the middle of " .. method .. " takes everything back", function()
      local rule = site.admin:fault({ effect = "delay", seconds = 0.1,
        match = { method = method, nth = 1 } })
      interrupted("TERM", function()
        return site:seen(rule) > 0
      end)
      assert_as_before()
    end)
  end
end)

describe("two starts at once", function()
  it("do not meet: the second one ends at once and names the first", function()
    local rule = site.admin:fault({ effect = "delay", seconds = NEVER, match = { nth = 1 } })
    local child = site:start({ "start", "vme2" })
    site_module.wait_until(function()
      return site:seen(rule) > 0
    end)
    local changes = #site.admin:changes()
    local result = site:run({ "start", "vme2" })
    assert.are.equal(exit_codes.busy, result.code)
    contains(result.stderr, ("takeover start vme2 on ms1, process %d"):format(child:pid()))
    assert.are.equal(changes, #site.admin:changes())
    child:kill("KILL")
    assert.are.equal(9, child:wait(10).signal)
    child:close()
  end)
end)

describe("plan", function()
  it("writes nothing, and start then does what was planned", function()
    local before, changes = files_below(site.directory), #site.admin:changes()
    local result = site:run({ "plan", "start", "vme2", "--json" })
    assert.are.equal(0, result.code, result.stderr)
    for path, text in pairs(files_below(site.directory)) do
      assert.is_true(text == before[path], path)
      before[path] = nil
    end
    assert.is_nil(next(before))
    assert.are.equal(changes, #site.admin:changes())
    local planned = json.decode(result.stdout).steps
    result = site:run({ "start", "vme2", "--json" })
    assert.are.equal(0, result.code, result.stderr)
    local made = json.decode(result.stdout).steps
    assert.are.same(outline(planned), outline(made))
    for i, step in ipairs(made) do
      local plan = planned[i]
      if step.state == "done" then
        assert.are.equal("would", plan.state, plan.name)
      elseif plan.state == "would" then
        assert.is_true(follows[plan.name], plan.name)
      end
    end
    result = site:run({ "plan", "start", "vme2", "--json" })
    for _, step in ipairs(json.decode(result.stdout).steps) do
      assert.are.equal("already", step.state, step.name)
    end
  end)
end)

describe("branches", function()
  -- Timing would tell it, too, but not on a busy machine: the order of changes tells it always.
  it("overlap: the machine is worked on while its GPU is on its way", function()
    local latency = {
      link = 0.3, enumerate = 0.3, dismount = 0.2, list_lag = 0.1, modify = 0.1, assign = 0,
      start = 0, boot = 0,
    }
    local text = fs.read("lua/failover/sequences/start.lua")
    local head, body = text:match("^(.-\nreturn failover%.sequence \"start\" {)(.*)$")
    local steps = {}
    for step in body:gmatch("%f[%w]%l+%.%l[%w_]+") do
      if step ~= "failover.together" then
        steps[#steps + 1] = step
      end
    end
    assert.is_true(#steps > 15)
    site:write("row/failover/sequences/start.lua", head .. table.concat(steps, ", ") .. "}\n")
    -- Was a file or a setting of the machine changed before its GPU was dismounted?
    local function overlapped(options)
      site:reset({ latency = latency })
      local result = site:run({ "start", "vme2", "--json" }, options)
      assert.are.equal(0, result.code, result.stderr)
      local verbs = {}
      for _, change in ipairs(site.admin:changes()) do
        verbs[#verbs + 1] = change.verb
      end
      local order = table.concat(verbs, ", ")
      local dismounted = assert(order:find("dismount", 1, true), order)
      local copied = assert(order:find("copy", 1, true), order)
      return copied < dismounted
    end
    assert.is_false(overlapped({ lua_path = site.directory .. "/row" }))
    assert.is_true(overlapped())
  end)
end)

describe("connections", function()
  -- Ports from which somebody was connected to a port lately (proc(5); IPv4).
  local function callers(port)
    local found, wanted = {}, ("0100007F:%04X"):format(port)
    for line in io.lines("/proc/net/tcp") do
      local from, to = line:match("^%s*%d+: (%x+:%x+) (%x+:%x+)")
      if to == wanted then
        found[from] = true
      end
    end
    return found
  end

  it("are one for each peer, or one for each branch", function()
    local ports = { eem = tonumber(site.lab.eem_url:match(":(%d+)/")) }
    for name, node in pairs(site.lab.nodes) do
      ports[name] = tonumber(node.url:match(":(%d+)/"))
    end
    local before, counts = {}, {}
    for name, port in pairs(ports) do
      before[name] = callers(port)
    end
    assert.are.equal(0, site:run({ "start", "vme2" }).code)
    for name, port in pairs(ports) do
      counts[name] = 0
      for caller in pairs(callers(port)) do
        counts[name] = counts[name] + (before[name][caller] and 0 or 1)
      end
    end
    -- One that the lab closed first leaves no trace, as may happen on a busy machine.
    -- On the node itself the functions of the card are disabled side by side, beside a branch.
    local most, seen = { eem = 1, ms1 = 3, ms2 = 1 }, 0
    for name, count in pairs(counts) do
      assert.is_true(count <= most[name], ("%d connections to %s"):format(count, name))
      seen = seen + count
    end
    assert.is_true(seen >= 2)
  end)
end)

describe("the secret", function()
  it("is in no output and in no file, in whatever form", function()
    local password, user = site_module.PASSWORD, site_module.USER
    local header = perform.authorization(user, password):sub(#"Basic " + 1)
    local alone = process.run({ "base64", "-w0", input = password }).stdout
    local echo = ("Authorization: Basic %s, that is %s (%s)"):format(header, password, alone)
    site.admin:fault({ target = "eem", effect = "error", http = 400, text = echo,
      match = { verb = "PUT", nth = 1 } })
    site.admin:fault({ target = "ms1", effect = "error", text = echo, code = 1,
      match = { method = "ImportSystemDefinition", nth = 2 } })
    local outputs = {}
    for i = 1, 3 do
      local result = site:run({ "start", "vme2", "--log-level", "debug",
        "--log-file", site.directory .. "/log", "--log-format", i == 1 and "json" or "human" })
      outputs[#outputs + 1] = result.stdout .. result.stderr
    end
    for _, arguments in ipairs({
      { "history" }, { "history", "--run", "1", "--json" }, { "check" }, { "status" },
      { "monitor", "vme2" }, { "stop", "vme2" },
    }) do
      local result = site:run(arguments)
      outputs[#outputs + 1] = result.stdout .. result.stderr
    end
    local places = files_below(site.directory)
    for _, node in ipairs({ "ms1", "ms2" }) do
      places[site.directory .. "/" .. node .. "/secrets/lab"] = nil
    end
    assert.is_string(places[site.directory .. "/ms1/journal.db"])
    contains(places[site.directory .. "/log"], "***")
    contains(outputs[1], "***")
    for i, text in ipairs(outputs) do
      places["output " .. i] = text
    end
    for place, text in pairs(places) do
      for _, form in ipairs({ password, header, alone }) do
        assert.is_nil(text:find(form, 1, true), place)
      end
    end
  end)
end)
