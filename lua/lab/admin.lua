-- The lab's own endpoint: what a test, a demonstration or a curious administrator does to the
-- simulated cluster, and what is true in it. JSON both ways, without authentication: it listens on
-- loopback only.
--
--   GET    /lab/truth, /lab/violations, /lab/changes, /lab/requests, /lab/addresses, /lab/faults
--   POST   /lab/faults {rule}         DELETE /lab/faults[?id=N]
--   POST   /lab/node {name, power = "on"|"off"}
--   POST   /lab/disk {disk, owner}    without owner: nobody has it
--   POST   /lab/latency {name = seconds, ...}
--   POST   /lab/switch {name, value}
--   POST   /lab/admin {verb, ...}     any of the administrator's verbs of docs/lab.md
--   POST   /lab/reset {cluster, latency, switches, vms, nodes, devices}: a new world, all optional
--   POST   /lab/quit
local json = require("json")
local world_errors = require("lab.world.errors")

local M = {}
M.__index = M

local function answer(value, status)
  return {
    status = status or 200,
    headers = { ["Content-Type"] = "application/json" },
    body = json.encode(value, { pretty = true }) .. "\n",
  }
end

local function bad(format, ...)
  world_errors.http(400, "40000", format, ...)
end

local function need(body, name)
  if body[name] == nil then
    bad("%s is missing", name)
  end
  return body[name]
end

local routes = {}

-- Nearly everything empty in the truth is a list.
local function mark_lists(value)
  if type(value) == "table" then
    if next(value) == nil then
      return json.array({})
    end
    for key, inner in pairs(value) do
      value[key] = mark_lists(inner)
    end
  end
  return value
end

routes["GET truth"] = function(lab)
  local truth = lab.world:truth()
  local counters = truth.counters
  truth.counters = nil
  local shown = mark_lists(truth)
  shown.counters = counters
  return shown
end

routes["GET violations"] = function(lab)
  return { violations = json.array(lab.world:violations()) }
end

routes["GET changes"] = function(lab)
  return { changes = json.array(lab.world:admin("changes").changes) }
end

routes["GET requests"] = function(lab)
  local nodes = {}
  for name, node in pairs(lab.nodes) do
    nodes[name] = node.face.requests
  end
  return { eem = lab.eem_face.requests, nodes = nodes, calls = lab.world.faults.counters }
end

routes["GET addresses"] = function(lab)
  return lab:addresses()
end

-- A rule has more than it was given: leave out what counts.
local RULE_FIELDS = {
  "id", "target", "match", "effect", "times", "seconds", "http", "code", "text", "hresult", "left",
  "seen",
}

routes["GET faults"] = function(lab)
  local list = {}
  for _, rule in ipairs(lab.world.faults:list()) do
    local shown = {}
    for _, name in ipairs(RULE_FIELDS) do
      shown[name] = rule[name]
    end
    list[#list + 1] = shown
  end
  return { faults = json.array(list) }
end

routes["POST faults"] = function(lab, body)
  return lab.world:admin("add fault", body)
end

routes["DELETE faults"] = function(lab, _, query)
  if not query.id then
    return lab.world:admin("clear faults")
  end
  return lab.world:admin("remove fault", { id = math.tointeger(tonumber(query.id)) })
end

routes["POST node"] = function(lab, body)
  local verb = ({ on = "boot", off = "kill" })[need(body, "power")]
  if not verb then
    bad("power must be \"on\" or \"off\"")
  end
  return lab.world:admin(verb, { node = need(body, "name") })
end

routes["POST disk"] = function(lab, body)
  local disk = body.disk
  if not disk then
    local first = lab.world:truth().disks[1] or bad("there is no disk")
    disk = first.name
  end
  return lab.world:admin("move disk", { disk = disk, node = body.owner })
end

routes["POST latency"] = function(lab, body)
  return lab.world:admin("set", { latency = body })
end

routes["POST switch"] = function(lab, body)
  return lab.world:admin("set", { switches = { [need(body, "name")] = need(body, "value") } })
end

routes["POST admin"] = function(lab, body)
  return lab.world:admin(need(body, "verb"), body)
end

routes["POST reset"] = function(lab, body)
  lab:reset(body)
  return lab:addresses()
end

routes["POST quit"] = function(lab)
  lab.quit = true
  return {}
end

local function read_body(request)
  if request.body == "" then
    return {}
  end
  local ok, value = pcall(json.decode, request.body)
  if not ok or type(value) ~= "table" then
    bad("the body is not a JSON object")
  end
  return value
end

local function serve(lab, request)
  local name = request.path:match("^/lab/(%l+)$")
  local route = name and routes[request.method .. " " .. name]
  if not route then
    world_errors.http(404, "40400", "there is no %s %s", request.method, request.path)
  end
  local body = read_body(request)
  lab.world:advance()
  local result = route(lab, body, request.query)
  lab:follow_power()
  return result
end

---@param lab table of server.lua
function M.new(lab)
  return setmetatable({ lab = lab }, M)
end

-- A page in somebody's browser may send requests to this computer, also through a name that its
-- owner lets lead here: what names another host, or comes from a page, is not for us.
local function is_foreign(request)
  local host = (request.headers.host or ""):lower():gsub(":%d+$", "")
  local is_address = host:find("^%d+%.%d+%.%d+%.%d+$") or host:find("^%[[%x:.]+%]$")
  return request.headers.origin ~= nil or request.headers["sec-fetch-site"] ~= nil
    or not (is_address or host == "localhost")
end

-- Handler for httpd.
function M:handle(request)
  if is_foreign(request) then
    return answer({
      message = "requests of web pages, and to other names than localhost, are not answered",
    }, 403)
  end
  local ok, result = pcall(serve, self.lab, request)
  if ok then
    return answer(result)
  elseif world_errors.is_error(result) then
    return answer({ code = result.code, message = result.text }, result.http or 400)
  end
  return answer({ message = tostring(result) }, 400)
end

return M
