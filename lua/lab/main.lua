-- The lab as a program of its own (`takeover lab`): says where it listens in one line of JSON, then
-- serves until a signal or POST /lab/quit.
local failure = require("failure")
local json = require("json")
local scheduler = require("host.scheduler")
local server = require("lab.server")

local M = {}

local QUIT_CHECK = 0.02 -- seconds

-- Serves inside the running task and gives the exit code. Cancelling the task ends it too.
---@param lab LabServer
---@return integer
function M.serve(lab)
  io.stdout:write(json.encode(lab:addresses()), "\n")
  io.stdout:flush()
  local ok, problem = pcall(function()
    while not lab.quit do
      scheduler.sleep(QUIT_CHECK)
    end
    scheduler.sleep(QUIT_CHECK) -- the answer to the one who asked still goes out
  end)
  lab:close()
  if not ok and not (type(problem) == "table" and problem.code == "CANCELLED") then
    error(problem, 0)
  end
  return 0
end

---- the command line -----------------------------------------------------------------------------

local function usage(message, ...)
  failure.raise({ code = "USAGE", message = message:format(...), hint = "see takeover lab --help" })
end

local function read_file(path)
  local file, why = io.open(path)
  if not file then
    usage("%s", why)
  end
  local text = file:read("a")
  file:close()
  return text
end

-- "name=value" into a table; value as number or boolean where it is one.
local function pair(text, into)
  local name, value = text:match("^([^=]+)=(.*)$")
  if not name then
    usage("'%s' is not name=value", text)
  end
  if value == "true" or value == "false" then
    into[name] = value == "true"
  else
    into[name] = tonumber(value) or value
  end
end

local function parser()
  local p = require("argparse")("takeover lab", "Serves a simulated cluster over HTTP.")
  p:option("--cluster", "Name of a cluster in lua/lab/clusters", "seed")
  p:option("--latency", "0: nothing takes time; or name=seconds (docs/lab.md)"):count("*")
  p:option("--switch", "name=value (docs/lab.md)"):count("*")
  p:option("--user", "What EEM and the nodes ask for")
  p:option("--password", "Given with --user")
  p:option("--address", "Where to listen", "127.0.0.1")
  p:option("--port", "eem=N, admin=N or <node>=N; others are chosen freely"):count("*")
  p:option("--certificate", "PEM file: EEM and the nodes speak https")
  p:option("--key", "PEM file, with --certificate")
  p:option("--fault-form", "How nodes tell an HRESULT: wmi or wsman", "wmi")
  return p
end

---@param arguments string[]
---@return LabOptions? nil: only help was wanted
local function read_options(arguments)
  local p = parser()
  for _, argument in ipairs(arguments) do
    if argument == "--help" or argument == "-h" then
      io.stdout:write(p:get_help(), "\n")
      return nil
    end
  end
  local ok, given = p:pparse(arguments)
  if not ok then
    usage("%s", given)
  end
  local options = {
    cluster = given.cluster, user = given.user, password = given.password,
    address = given.address, fault_form = given.fault_form, switches = {}, ports = {},
  }
  for _, text in ipairs(given.latency) do
    if text == "0" then
      options.latency = 0
    else
      options.latency = type(options.latency) == "table" and options.latency or {}
      pair(text, options.latency)
    end
  end
  for _, text in ipairs(given.switch) do
    pair(text, options.switches)
  end
  for _, text in ipairs(given.port) do
    pair(text, options.ports)
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
  local options = read_options(arguments)
  if not options then
    return 0
  end
  local ok, lab = pcall(server.start, options)
  if not ok then
    if failure.is(lab) then
      error(lab, 0)
    end
    usage("%s", tostring(lab):match("^[^\n]*"))
  end
  return M.serve(lab)
end

return M
