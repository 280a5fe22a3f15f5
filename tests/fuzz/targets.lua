-- The targets in Lua. Each gets a text of any bytes; what is wrong in it may be a failure object, a
-- mistake in a list, or nil with a reason, never an error.
local failure = require("failure")
local json = require("json")

local M = {}

-- Calls fn(...); an error other than a failure object is a defect, and so is one of these.
local DEFECTS = { SCRIPT_ERROR = true, INTERNAL = true, SCRIPT_STUCK = true }
local function expect(fn, ...)
  local results = table.pack(pcall(fn, ...))
  if not results[1] and (not failure.is(results[2]) or DEFECTS[results[2].code]) then
    error(results[2], 0)
  end
  return table.unpack(results, 1, results.n)
end

-- Runs fn in a task, on virtual time.
local scheduler, virtual_clock = require("core.scheduler"), require("core.virtual_clock")
local function in_scheduler(fn)
  local ok, failed = scheduler.with_driver(virtual_clock.new(), fn)
  if not ok then
    error(failed, 0)
  end
end

function M.json_lua(text)
  local ok, value = expect(json.decode, text)
  if ok then
    -- The first writing mends what is no UTF-8.
    local mended = json.encode(json.decode(json.encode(value)))
    assert(json.encode(json.decode(mended)) == mended, "read and written it is another text")
  end
end

function M.eem(text)
  local ok, answer = expect(_G.eem_answer, text)
  if ok and type(answer) == "table" then
    expect(_G.eem_device, answer.device or answer)
    for _, device in pairs(type(answer.devices) == "table" and answer.devices or {}) do
      expect(_G.eem_device, device)
    end
  end
end

local parameters = require("failover.parameters")

function M.parameters(text)
  local result, mistakes = parameters.check(text, "parameters.lua")
  assert(result or #mistakes > 0, "neither parameters nor a mistake")
end

function M.lines(text)
  local lines = require("failover.parameters.lines")
  local root = lines.read(text)
  lines.find(root, { "vms", "vme2", "gpus", 1, "id" })
  lines.each_copy(root, function() end)
end

function M.import(text)
  local import = require("cli.commands.ecx.import")
  local draft = import.draft(text, "parameters.bat")
  if draft then
    assert(load(draft, "draft", "t", { secret = tostring }), "the draft is no Lua")
    parameters.check(draft, "draft")
  end
end

function M.wql(text)
  expect(function()
    local ok, why = pcall(require("lab.wql").parse, text)
    if not ok and type(why) ~= "table" and not failure.is(why) then
      error(why, 0)
    end
  end)
end

function M.quarantine(text)
  local quarantine = require("failover.devices.quarantine")
  local store = quarantine.in_memory(text)
  local q = quarantine.open({ store = store, node = "ms1", wall = function()
    return 1700000000
  end, warn = function() end })
  in_scheduler(function()
    q:active()
    q:failures()
    q:list()
    q:snapshot()
    q:suspect("0x8cdf9d911c60", "x")
    q:settle()
  end)
end

function M.drained(text)
  local fs = require("fs")
  local directory = "/dev/shm/takeover-fuzz-" .. require("loop").pid()
  fs.make_directory(directory)
  fs.write(directory .. "/drained.json", text)
  fs.write(directory .. "/certificate.json", text)
  expect(require("cli.drained").read, directory)
  expect(require("failover.safety.certificate").check, directory, {})
  fs.remove(directory .. "/drained.json")
  fs.remove(directory .. "/certificate.json")
  fs.remove(directory)
end

function M.xml_lua(text)
  expect(require("xml").parse, text)
end

function M.cimxml_lua(text)
  expect(function()
    local ok, why = pcall(require("lab.cimxml").decode, text)
    if not ok and type(why) ~= "table" and not tostring(why):find("CIM%-XML") then
      error(why, 0)
    end
  end)
end

function M.file_name(text)
  local name = require("cli.session").file_name(text)
  assert(#name < 200 and not name:find("[/\\%c]") and name ~= "." and name ~= "..", name)
end

---- the lab's server ------------------------------------------------------------------------------

local function lab_request(face, request)
  in_scheduler(function()
    local world = require("lab.world").new({
      clock = scheduler, cluster = require("lab.clusters.seed"), latency = 0,
    })
    local server = require(face).new({ world = function()
      return world
    end, node = "ms1" })
    local answer = server:handle(request)
    assert(math.type(answer.status) == "integer", "an answer without a status")
  end)
end

-- "METHOD path?query\nbody"
function M.lab_eem(text)
  local method, target, body = text:match("^(%u+) ([^\n]*)\n?(.*)$")
  if method then
    local path, query = target:match("^([^?]*)%??(.*)$")
    local pairs_of = {}
    for key, value in query:gmatch("([^&=]+)=([^&]*)") do
      pairs_of[key] = value
    end
    lab_request("lab.eem_rest", {
      method = method, path = path, query = pairs_of, headers = {}, body = body,
    })
  end
end

function M.lab_wsman(text)
  lab_request("lab.wsman", {
    method = "POST", path = "/wsman", query = {}, body = text,
    headers = { ["content-type"] = "application/soap+xml;charset=UTF-8" },
  })
end

return M
