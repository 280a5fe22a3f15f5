-- The lab as a program of its own (`takeover lab`): says where it listens in one line of JSON, then
-- serves until it is cancelled (a signal) or told to end by POST /lab/quit.
local failure = require("failure")
local json = require("json")
local scheduler = require("core.scheduler")
local server = require("lab.server")

local M = {}

local QUIT_CHECK = 0.02 -- seconds

local function usage(message, ...)
  failure.raise({ code = "USAGE", message = message:format(...), hint = "see takeover lab --help" })
end

-- Serves inside the running task until it is told to end; gives the exit code. A signal is the
-- usual end and no failure.
---@param options LabOptions
---@return integer
function M.serve(options)
  local ok, lab = pcall(server.start, options)
  if not ok then
    if failure.is(lab) then
      error(lab, 0)
    end
    usage("%s", tostring(lab):match("^[^\n]*"))
  end
  io.stdout:write(json.encode(lab:addresses()), "\n")
  io.stdout:flush()
  local served, problem = pcall(function()
    while not lab.quit do
      scheduler.sleep(QUIT_CHECK)
    end
    scheduler.sleep(QUIT_CHECK) -- the answer to the one who asked still goes out
  end)
  lab:close()
  if not served and not (failure.is(problem) and problem.code == "CANCELLED") then
    error(problem, 0)
  end
  return 0
end

---- the command line -----------------------------------------------------------------------------

local function read_file(path)
  local file, why = io.open(path)
  if not file then
    usage("%s", why)
  end
  local text = file:read("a")
  file:close()
  return text
end

local WORDS = { ["true"] = true, ["false"] = false }

local function word(text)
  if WORDS[text] ~= nil then
    return WORDS[text]
  end
  return math.tointeger(tonumber(text)) or tonumber(text) or text
end

-- { "a=1", "b=x" } as a table; nil when there are none. `kind`: what a value must be, if anything.
local function pairs_of(list, option, kind)
  local result
  for _, text in ipairs(list) do
    local name, value = text:match("^([^=]+)=(.+)$")
    value = value and word(value)
    if value == nil or (kind and type(value) ~= kind) then
      usage('%s wants NAME=%s, not "%s"', option, kind == "number" and "NUMBER" or "VALUE", text)
    end
    result = result or {}
    result[name] = value
  end
  return result
end

local function latency_of(list)
  for _, text in ipairs(list) do
    if text == "none" then
      return 0
    end
  end
  return pairs_of(list, "--latency", "number")
end

local function parser()
  local p = require("argparse")("takeover lab", [[
Serves a simulated cluster over real HTTP on this computer: ExpEther Manager at /eem, one
WS-Management endpoint for each node, and an administrator's endpoint at /lab that tells the truth
and takes faults. Prints one line of JSON with the addresses, then serves until it gets a signal or
POST /lab/quit. docs/lab.md describes its world and its verbs.]])
  p:epilog([[
Example:
  takeover lab --port eem=30500 --latency boot=3 --latency shutdown=2
  curl -s http://127.0.0.1:30500/eem/api_version]])
  p:option("--cluster", "One of lua/lab/clusters", "seed"):argname("NAME")
  p:option("--latency", "Seconds that something takes; none: nothing takes time")
    :argname("NAME=S|none"):count("*")
  p:option("--switch", "How what is not known of the real things goes")
    :argname("NAME=VALUE"):count("*")
  p:option("--port", "Port of eem, admin or a node; others are chosen freely")
    :argname("NAME=N"):count("*")
  p:option("--address", "Address to listen on", "127.0.0.1"):argname("ADDRESS")
  p:option("--user", "EEM and the nodes ask for this user"):argname("NAME")
  p:option("--password", "and for this password (of the lab only)"):argname("WORD")
  p:option("--certificate", "PEM file; EEM and the nodes speak https"):argname("FILE")
  p:option("--key", "PEM file, with --certificate"):argname("FILE")
  p:option("--auth", "How nodes ask: basic, or negotiate with encrypted messages as Windows has it")
    :choices({ "basic", "negotiate" }):default("basic")
  p:option("--keytab", "With --auth negotiate: the nodes' keys (HTTP/<host>)"):argname("FILE")
  p:flag("--strict-binding", "With --auth negotiate and https: CbtHardeningLevel=Strict")
  p:option("--fault-form", "How nodes tell an HRESULT"):choices({ "wmi", "wsman" }):default("wmi")
  return p
end

---@param given table what argparse found
---@return LabOptions
local function options_of(given)
  local options = {
    cluster = given.cluster, user = given.user, password = given.password,
    address = given.address, fault_form = given.fault_form,
    latency = latency_of(given.latency), switches = pairs_of(given.switch, "--switch"),
    ports = pairs_of(given.port, "--port", "number"),
    auth = given.auth, keytab = given.keytab, strict_binding = given.strict_binding,
  }
  if given.keytab and given.auth ~= "negotiate" then
    usage("--keytab goes with --auth negotiate")
  end
  if given.certificate or given.key then
    if not (given.certificate and given.key) then
      usage("--certificate and --key belong together")
    end
    options.tls = { certificate = read_file(given.certificate), key = read_file(given.key) }
  end
  return options
end

-- The command `takeover lab`.
---@param arguments string[] what follows the word lab
---@return integer
function M.run(arguments)
  local p = parser()
  for _, argument in ipairs(arguments) do
    if argument == "--help" or argument == "-h" then
      io.stdout:write(p:get_help(), "\n")
      return 0
    end
  end
  local ok, given = p:pparse(arguments)
  if not ok then
    usage("%s", given)
  end
  return M.serve(options_of(given))
end

return M
