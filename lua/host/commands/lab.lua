-- takeover lab: the simulated cluster as a server (lua/lab/server.lua has all its options).
local loop = require("loop")
local failure = require("failure")

local M = {}

function M.define(command, cli)
  command:description([[
Serves a simulated cluster over real HTTP on this computer: ExpEther Manager at /eem, one
WS-Management endpoint for each node, and an administrator's endpoint at /lab that tells the truth
and takes faults. Prints one line of JSON with the addresses, then serves until it gets a signal or
POST /lab/quit. docs/lab.md describes its world and its verbs.]])
  command:epilog(cli.exit_codes({ "ok", "internal", "usage" }) .. "\n\nExample:\n"
    .. "  takeover lab --port eem=30500 --latency boot=3 --latency shutdown=2\n"
    .. "  curl -s http://127.0.0.1:30500/eem/api_version")
  command:option("--cluster", "One of lua/lab/clusters (default: seed)"):argname("NAME")
  command:option("--latency", "Seconds that something takes; none: nothing takes time")
    :argname("NAME=S|none"):count("*")
  command:option("--switch", "How what is not known of the real things goes")
    :argname("NAME=WORD"):count("*")
  command:option("--port", "Port of eem, admin or a node (default: free ones)")
    :argname("NAME=N"):count("*")
  command:option("--address", "Address to listen on (default: 127.0.0.1)"):argname("ADDRESS")
  command:option("--user", "EEM and the nodes ask for this user"):argname("NAME")
  command:option("--password", "and for this password (of the lab only)"):argname("WORD")
end

local function usage(format, ...)
  failure.raise({ code = "USAGE", message = format:format(...) })
end

local words = { ["true"] = true, ["false"] = false }

-- { "a=1", "b=2" } as a table of what `convert` makes of the values; nil when there are none.
local function pairs_of(list, option, convert)
  local result
  for _, text in ipairs(list) do
    local name, value = text:match("^([%w_%-]+)=(.*)$")
    local converted = name and convert(value)
    if converted == nil then
      usage('%s wants NAME=VALUE, not "%s"', option, text)
    end
    result = result or {}
    result[name] = converted
  end
  return result
end

local function latency_of(list)
  for _, text in ipairs(list) do
    if text == "none" then
      return 0
    end
  end
  return pairs_of(list, "--latency", tonumber)
end

function M.run(arguments)
  local options = {
    cluster = arguments.cluster,
    latency = latency_of(arguments.latency),
    switches = pairs_of(arguments.switch, "--switch", function(value)
      if words[value] ~= nil then
        return words[value]
      end
      return tonumber(value) or value
    end),
    ports = pairs_of(arguments.port, "--port", function(value)
      return math.tointeger(tonumber(value))
    end),
    address = arguments.address, user = arguments.user, password = arguments.password,
  }
  loop.catch_signals()
  local ok, result = loop.guard(require("lab.main").run, options)
  if not ok and result.code ~= "CANCELLED" then -- a signal is the usual end
    error(result, 0)
  end
  return ok and result or 0
end

return M
