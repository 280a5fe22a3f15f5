-- takeover gpu whatif: which virtual machines would not come back after a failure.
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local output = require("cli.output")
local placement = require("failover.placement")
local situation = require("cli.situation")
local words = require("cli.gpu_words")

local M = {}

local SHOWN = 10 -- failures that cost nothing are of little interest

function M.define(command, cli)
  command:description([[
Shows what a failure would do: which running virtual machines would stop, where and with which
devices they would come back, and which would not, and why. --fail may be given several times, then
all of it fails at once. --fail any tries every node, box and device one by one, names the weakest,
and says how many devices may fail, whichever they are, so that every machine still comes back.
Changes nothing.]])
  command:epilog(cli.exit_codes({ "ok", "configuration", "no_device", "unknown", "usage" })
    .. "\n\nno_device: a machine would stay down.\n\n"
    .. "Example:\n  takeover gpu whatif --fail box:box1\n  takeover gpu whatif --fail any")
  command:option("--fail", "node:NAME, box:NAME or device:ID (an id or a name); the word before\n"
    .. "the colon may be left out where the name is clear; or any"):argname("WHAT"):count("+")
  command:flag("--planned", "As if all machines ran as `gpu place` would place them")
  command:flag("--all", "With any: also the failures that cost nothing")
  words.define_policy(command)
end

---- what is meant by --fail -----------------------------------------------------------------------

local function names_of(seen)
  local known, list = {}, {}
  local function add(kind, name, real)
    known[kind] = known[kind] or {}
    if not known[kind][name:lower()] then
      known[kind][name:lower()] = real
      list[#list + 1] = name
    end
  end
  for _, node in ipairs(seen.nodes) do
    add("node", node.name, node.name)
  end
  for _, device in ipairs(seen.devices) do
    add("device", device.id, device.id)
    if device.name then
      add("device", device.name, device.id)
    end
    if device.box then
      add("box", device.box, device.box)
    end
  end
  return known, list
end

local function usage(format, ...)
  failure.raise({ code = "USAGE", message = format:format(...) })
end

local function meant(known, list, text)
  local kind, name = text:match("^(%l+):(.+)$")
  if kind and (kind == "node" or kind == "box" or kind == "device") then
    local real = known[kind] and known[kind][name:lower()]
    if real then
      return { kind = kind, name = real }
    end
    usage("--fail %s: there is no %s %s", text, kind, name)
  end
  local found = {}
  for _, one in ipairs({ "node", "box", "device" }) do
    local real = known[one] and known[one][text:lower()]
    if real then
      found[#found + 1] = { kind = one, name = real }
    end
  end
  if #found == 0 then
    usage("--fail %s: there is no node, box or device of this name%s", text,
      require("failover.parameters.schema").suggestion(text, list))
  elseif #found > 1 then
    usage("--fail %s is a %s and a %s: write %s:%s or %s:%s", text, found[1].kind, found[2].kind,
      found[1].kind, text, found[2].kind, text)
  end
  return found[1]
end

-- The failures, or nil for any.
local function failures_of(seen, texts)
  local known, list = names_of(seen)
  local failures = {}
  for i, text in ipairs(texts) do
    if text == "any" then
      if #texts > 1 then
        usage("--fail any stands alone: it tries every failure one by one")
      end
      return nil
    end
    failures[i] = meant(known, list, text)
  end
  return failures
end

---- one failure -----------------------------------------------------------------------------------

local function show_one(result)
  if result.affected == 0 then
    output.line("no running virtual machine is affected")
    return
  end
  local rows = {}
  for _, entry in ipairs(result.lost) do
    rows[#rows + 1] = {
      entry.vm, entry.priority, entry.from, "stays down", entry.code .. ": " .. entry.text,
    }
  end
  for _, entry in ipairs(result.moved) do
    rows[#rows + 1] = {
      entry.vm, entry.priority, entry.from, entry.to .. (entry.degraded and " DEGRADED" or ""),
      words.devices(entry.devices),
    }
  end
  output.table({ "vm", "priority", "ran on", "comes back on", "" }, rows, { colours = {
    [4] = function(cell)
      return cell == "stays down" and "red" or "green"
    end,
  } })
  output.line("\n%d stop, %d come back, %d stay down; %s", result.affected, #result.moved,
    #result.lost, result.optimal and "no placement is better: " .. result.proof
      or "a better placement may exist: " .. result.why_not_optimal)
end

local function document_one(result, failures)
  local json = require("json")
  local moved = {}
  for i, entry in ipairs(result.moved) do
    moved[i] = {
      vm = entry.vm, priority = entry.priority, from = entry.from, to = entry.to,
      degraded = entry.degraded, hit = entry.hit, devices = words.document(entry.devices),
    }
  end
  return {
    failures = json.array(failures), affected = result.affected, survives = result.survives,
    lost = json.array(result.lost), moved = json.array(moved), optimal = result.optimal,
    proof = result.proof, why_not_optimal = result.why_not_optimal,
  }
end

---- every failure ---------------------------------------------------------------------------------

local function reserve_words(devices)
  if not devices then
    return "no running virtual machine has a device"
  elseif devices.exact then
    return devices.at_most == 0 and ("a single device can be enough: %s has no spare")
      :format(devices.weakest) or ("any %d device%s may fail, and every machine comes back "
      .. "(%s has the fewest to choose from)"):format(devices.at_most,
      devices.at_most == 1 and "" or "s", devices.weakest)
  end
  return ("any %d may fail, and not any %d (for the number between there is no proof; %s has the "
    .. "fewest to choose from)"):format(devices.at_least, devices.at_most + 1, devices.weakest)
end

local function lost_words(one)
  local list = table.move(one.lost, 1, math.min(5, #one.lost), 1, {})
  if #one.lost > 5 then
    list[6] = ("and %d more"):format(#one.lost - 5)
  end
  return table.concat(list, ", ")
end

local function show_any(found, all)
  local rows, harmless = {}, 0
  for _, one in ipairs(found.failures) do
    if #one.lost > 0 or all or (#rows < SHOWN and one.affected > 0) then
      rows[#rows + 1] = {
        one.kind, one.title or one.name, one.affected, one.affected - #one.lost,
        (one.proven and "" or "at most ") .. #one.lost, lost_words(one),
      }
    else
      harmless = harmless + 1
    end
  end
  if #rows > 0 then
    output.table({ "fails", "", "stop", "come back", "stay down", "" }, rows, { colours = {
      [5] = function(cell)
        return cell == "0" and "green" or "red"
      end,
    } })
  end
  if harmless > 0 then
    output.line("%s%d other failures cost no virtual machine (--all shows them)",
      #rows > 0 and "\n" or "", harmless)
  end
  local worst = found.failures[1]
  output.line("\n%s of %d running", worst and #worst.lost > 0
    and ("weakest: %s %s costs %d"):format(worst.kind, worst.title or worst.name, #worst.lost)
    or "no single failure costs a virtual machine", found.running)
  output.line("%s", reserve_words(found.devices))
end

local function document_any(found)
  local json = require("json")
  for _, one in ipairs(found.failures) do
    json.array(one.lost)
    one.highest = nil
  end
  return {
    failures = json.array(found.failures), devices = found.devices, running = found.running,
  }
end

function M.run(arguments, program)
  local seen, s = situation.read(arguments, program, { nodes = "all", partitions = true })
  if not seen then
    return exit_codes.unknown
  end
  local failures = failures_of(seen, arguments.fail)
  local options = { policy = words.policy(arguments, s.parameters) }
  if arguments.planned then
    seen = placement.as_planned(seen, placement.plan(seen, options))
  end
  if failures then
    local result = placement.whatif(seen, failures, options)
    if output.is_json() then
      output.document(document_one(result, failures))
    else
      show_one(result)
    end
    return result.survives and exit_codes.ok or exit_codes.no_device
  end
  local found = placement.weakest(seen, options)
  local lost = found.failures[1] and #found.failures[1].lost or 0
  if output.is_json() then
    output.document(document_any(found))
  else
    show_any(found, arguments.all)
  end
  return lost == 0 and exit_codes.ok or exit_codes.no_device
end

return M
