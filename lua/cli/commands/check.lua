-- takeover check: everything that a failover will need, examined while there is time to mend it.
-- Each check is one line: ok, warn or fail, and what to do. What depends on something that failed
-- is left out.
local check_vm = require("cli.check_vm")
local evidence = require("failover.safety.evidence")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local loop = require("loop")
local output = require("cli.output")
local wmi_transport = require("failover.engine.transport")
local schema = require("failover.parameters.schema")
local session = require("cli.session")
local side_by_side = require("failover.engine.side_by_side")
local verdict = require("failover.engine.verdict")

local M = {}

local CLOCKS_APART = 30 -- seconds that are worth a warning

function M.define(command, cli)
  command:description([[
Examines what a failover needs, and prints one line each: parameters, secrets, journal, the login to
ExpEther Manager and its devices, this node's board and group id, the login to WMI and its rights,
the virtual machine's files and settings, the GPU, the other nodes, the clocks; and every fact that
a start would ask, as `takeover plan start` does. Changes nothing but the journal, which is made
when there is none.

A "warn" is something that may be right: files cannot be seen while the disk is on another node.
What would make a start here fail is a "fail".]])
  command:epilog(cli.exit_codes({ "ok", "failed", "configuration" })
    .. "\n\nExample:\n  takeover check vme2")
  command:argument("vm", "Only this virtual machine"):args("?")
end

local colours = { ok = "green", warn = "yellow", fail = "red" }

local Report = {}
Report.__index = Report

-- Text of a failure, by which a cause is said once.
local function words_of(failed)
  return failure.text(failed) .. " (" .. failed.code .. ")"
end

Report.words_of = words_of

function Report:add(state, subject, text, hint)
  self.said[text] = self.said[text] or state == "fail"
  self.list[#self.list + 1] = { state = state, subject = subject, text = text, hint = hint }
  self.fails = self.fails + (state == "fail" and 1 or 0)
  output.progress(nil)
  output.line("%s", "  " .. output.paint(output.pad(state, 5), colours[state])
    .. output.pad(subject, 14) .. text)
  if hint then
    output.line("%s", (" "):rep(21) .. output.paint(hint, "dim"))
  end
end

-- Runs one check: fn gives text and perhaps a hint and a state, or raises. Returns whether it was
-- no failure.
function Report:try(subject, fn, worst)
  output.progress("checking " .. subject)
  return self:tell(subject, worst, loop.guard(fn))
end

-- The same check of several nodes, side by side; told in their order.
---@param names string[]
---@param fn fun(name: string): string, string?, string?
function Report:try_each(subject, names, fn, worst)
  output.progress("checking " .. subject)
  local results, jobs = {}, {}
  for i, name in ipairs(names) do
    jobs[i] = {
      name = name,
      run = function()
        results[i] = table.pack(loop.guard(fn, name))
      end,
    }
  end
  side_by_side.run(jobs)
  for _, result in ipairs(results) do
    self:tell(subject, worst, table.unpack(result, 1, result.n))
  end
end

function Report:tell(subject, worst, ok, text, hint, state)
  if ok then
    if state ~= "said" then
      self:add(state or (hint and "warn" or "ok"), subject, text, hint)
    end
    return state ~= "fail"
  end
  self:add(worst or "fail", subject, words_of(text), verdict.remedy(text, self.about))
  return false
end

---- what is checked -------------------------------------------------------------------------------

-- The login that a node's WMI is reached with from `here`: without a password through COM, which
-- goes as the running user.
local function login_of(parameters, name, here)
  return wmi_transport.options(parameters.nodes[name], name == here, wmi_transport.here())
end

-- Returns the names of those that cannot be had: what needs them is not tried.
local function check_secrets(report, parameters, here)
  local names, seen, missing = {}, {}, {}
  local function note(reference)
    if reference and not seen[reference.secret] then
      seen[reference.secret] = true
      names[#names + 1] = reference
    end
  end
  note(parameters.eem.password)
  for _, name in ipairs(schema.sorted_keys(parameters.nodes)) do
    note(login_of(parameters, name, here).password)
  end
  for _, reference in ipairs(names) do
    missing[reference.secret] = not report:try("secret", function()
      require("secret").resolve(reference, { directory = parameters.secrets })
      return reference.secret .. " is there"
    end)
  end
  return missing
end

local function lacks(missing, login)
  return login.password ~= nil and missing[login.password.secret]
end

local function check_eem(report, c)
  return report:try("EEM", function()
    local version = c.eem:version()
    local boards, slots = 0, 0
    for _, device in ipairs(c.eem:devices()) do
      boards = boards + (device.kind == "board" and 1 or 0)
      slots = slots + (device.kind == "io" and 1 or 0)
    end
    return ("version %s, %d boards, %d slots of I/O boxes"):format(version, boards, slots)
  end)
end

local function check_board(report, c)
  report:try("board", function()
    local group_id = c.this.group_id
    local boards = {}
    for _, device in ipairs(c.eem:devices({ group_id = group_id })) do
      if device.kind == "board" then
        boards[#boards + 1] = device
      end
    end
    if #boards == 0 then
      return ("no server board is in group %d"):format(group_id),
        "is group_id of " .. c.node .. " right? EEM assigns it to the board", "fail"
    elseif c.this.board and boards[1].id ~= c.this.board then
      return ("group %d has the board %s, not %s"):format(group_id, boards[1].id, c.this.board),
        "is board of " .. c.node .. " right?", "fail"
    elseif boards[1].power == "off" then
      return ("EEM shows the board %s powered off"):format(boards[1].id),
        "but this node is running: is group_id right?", "fail"
    end
    return ("%s is in group %d, %d devices at most"):format(boards[1].id, group_id,
      boards[1].max_devices or 0)
  end)
end

local function asked_for(c, card)
  for _, vm in pairs(c.parameters.vms) do
    if require("failover.devices.selection").is_wanted(vm.gpus, card) then
      return true
    end
  end
  return false
end

-- The cards that machines ask for and that have no location on this node, by model, sorted.
local function without_location(c)
  local models, list = {}, {}
  for _, device in ipairs(c.eem:devices()) do
    local card = device.kind == "io"
      and require("failover.inventory.devices").single(c.parameters, device)
    if card and card.vendor and not card.locations[c.node] and asked_for(c, card) then
      local model = ("%s:%s"):format(card.vendor, card.device)
      if not models[model] then
        models[model] = { model = model }
        list[#list + 1] = models[model]
      end
      table.insert(models[model], card)
    end
  end
  table.sort(list, function(a, b)
    return a.model < b.model
  end)
  return list
end

-- Nothing tells cards of one model apart once several are here. Said only where it is so.
local function check_alike(report, c)
  local ok, list = loop.guard(without_location, c)
  for _, cards in ipairs(ok and list or {}) do -- that EEM does not answer is said elsewhere
    local titles = {}
    for i, card in ipairs(cards) do
      titles[i] = card.title
    end
    if #titles > 1 then
      report:add("warn", "GPUs", ("%s are all %s, and nothing tells on %s which is which"):format(
        table.concat(titles, ", "), cards.model, c.node),
        ('give devices["%s"].locations = { %s = "PCIROOT(...)..." }, and so for the others, else a '
          .. "start may be refused"):format(cards[1].id, c.node))
    end
  end
end

local function check_wmi(report, c)
  local virtual = report:try("Hyper-V", function()
    local host = c.hyperv:host()
    return ("on %s, %d virtual machines"):format(host.name, #c.hyperv:vms())
  end)
  local devices = report:try("devices", function()
    return ("%d PCI devices can be read"):format(#c.pnp:devices({ locations = false }))
  end)
  return virtual and devices
end

-- Seconds since 1970 of a DMTF datetime: 20260730123456.123456+540 (minutes east of UTC).
local function seconds_of(text)
  local y, mo, d, h, mi, s, sign, offset =
    text:match("^(%d%d%d%d)(%d%d)(%d%d)(%d%d)(%d%d)(%d%d)%.%d+([+-])(%d%d%d)$")
  if not y then
    return nil
  end
  -- Days from the civil date (Gregorian), so that no local time zone gets in.
  y, mo, d = tonumber(y), tonumber(mo), tonumber(d)
  local shifted = mo <= 2 and y - 1 or y
  local days = 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400
    + (153 * (mo + (mo > 2 and -3 or 9)) + 2) // 5 + d - 1 - 719468
  local east = (sign == "+" and 1 or -1) * tonumber(offset) * 60
  return days * 86400 + tonumber(h) * 3600 + tonumber(mi) * 60 + tonumber(s) - east
end

-- The names of the nodes that can be logged in to.
local function with_login(c, names, missing)
  local list = {}
  for _, name in ipairs(names) do
    if not lacks(missing, login_of(c.parameters, name, c.node)) then
      list[#list + 1] = name
    end
  end
  return list
end

-- How each host is reached: "ms1: Kerberos as admin@EXAMPLE.COM, messages encrypted".
local function check_logins(report, c, names)
  report:try_each("login", names, function(name)
    local connection <close> = require("wmi").open(c:wmi_options(name, "root/cimv2"))
    return name .. ": " .. (connection:identify().security or "COM, as the running user")
  end, "warn")
end

local function check_clocks(report, c, names)
  report:try_each("clock", names, function(name)
    local connection = require("wmi").open(c:wmi_options(name, "root/cimv2"))
    local rows = connection:query("SELECT LocalDateTime FROM Win32_OperatingSystem")
    connection:close()
    local theirs = rows[1] and rows[1].LocalDateTime and seconds_of(rows[1].LocalDateTime)
    if not theirs then
      return name .. " does not tell its time", "compare the clocks by hand"
    end
    local apart = math.abs(theirs - loop.wall())
    if apart > CLOCKS_APART then
      return ("%s is %d s apart from this computer"):format(name, math.floor(apart)),
        "logs of both nodes will not fit together: synchronise the clocks"
    end
    return ("%s is within %d s of this computer"):format(name, math.max(1, math.ceil(apart)))
  end, "warn")
end

-- Whether some machine that may run here makes this node ask that one for machines (as start does).
local function is_asked(c, name)
  for _, vm in pairs(c.parameters.vms) do
    if evidence.may_run({ vm = vm }, c.node) and evidence.may_run({ vm = vm }, name) then
      return true
    end
  end
  return false
end

-- A node that does not answer stops no start; one that does not let us look stops those that must
-- ask it.
local function check_peers(report, c, missing)
  report:try_each("other node", with_login(c, c:peers(), missing), function(name)
    local ok, state = loop.guard(evidence.peer, c, name)
    local failed = not ok and state or state.failure
    if ok and state.reachable then
      return ("%s answers, %d virtual machines"):format(name, #state.vms)
    elseif ok or not is_asked(c, name) then
      return words_of(failed), verdict.remedy(failed, report.about), "warn"
    end
    error(failed, 0)
  end)
end

function M.run(arguments, program)
  local s = session.open(arguments, program)
  local vms = arguments.vm and { arguments.vm } or schema.sorted_keys(s.parameters.vms)
  if arguments.vm then
    s:vm(arguments.vm)
  end
  local report = setmetatable({
    list = {}, said = {}, fails = 0, about = { node = s:node(), vm = #vms == 1 and vms[1] or nil },
  }, Report)
  local parameters = s.parameters
  output.line("%s", output.paint("check on " .. s:node(), "bold"))
  report:add("ok", "parameters", ("%s: %d nodes, %d virtual machines"):format(parameters.file,
    #schema.sorted_keys(parameters.nodes), #schema.sorted_keys(parameters.vms)))
  local missing = check_secrets(report, parameters, s:node())
  report:try("journal", function()
    s:journal():close()
    return parameters.journal
  end)
  report:try("sequences", function()
    for _, name in ipairs({ "start", "stop", "monitor", "prepare", "recover" }) do
      s:sequence(name)
    end
    return "start, stop, monitor, prepare and recover load"
  end)
  local c = s:context(nil)
  local eem = not lacks(missing, parameters.eem) and check_eem(report, c)
  if eem then
    check_board(report, c)
    check_alike(report, c)
  end
  local wmi = not lacks(missing, login_of(parameters, c.node, c.node)) and check_wmi(report, c)
  check_peers(report, c, missing)
  if wmi then
    local names = {}
    for _, name in ipairs(with_login(c, schema.sorted_keys(parameters.nodes), missing)) do
      names[#names + 1] = not evidence.silent(c, name) and name or nil
    end
    check_logins(report, c, names)
    check_clocks(report, c, names)
  end
  c:close()
  if eem and wmi then
    for _, name in ipairs(vms) do
      check_vm.examine(report, s, name, c.memory.peers)
    end
  end
  local code = report.fails == 0 and exit_codes.ok or exit_codes.failed
  output.line("%s", report.fails == 0 and output.paint("ready", "green")
    or output.paint(("%d of %d checks failed"):format(report.fails, #report.list), "red"))
  output.document({ command = "check", node = s:node(), exit_code = code, checks = report.list })
  return code
end

-- For tests.
M.seconds_of = seconds_of

return M
