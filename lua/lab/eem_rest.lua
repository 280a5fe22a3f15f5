-- ExpEther Manager's REST face on the world (docs/facts/ecx-eem.md#3.1 to #3.5). Every scalar is a
-- text; success is 200 or 204; an error carries { code, message }, code being five digits that
-- begin with the HTTP status. What exactly EEM writes into messages is not known.
local json = require("json")
local perform = require("lab.perform")
local world_errors = require("lab.world.errors")

local M = {}
M.__index = M

local BASE = "/eem"

local function answer(status, value)
  if value == nil then
    return { status = status or 204, headers = {}, body = "" }
  end
  return {
    status = status or 200,
    headers = { ["Content-Type"] = "application/json" },
    body = json.encode(value),
  }
end

local function problem(status, code, message)
  return answer(status, { code = code, message = message })
end

local function bad_request(format, ...)
  world_errors.http(400, "40000", format, ...)
end

-- The object in a body; an empty body is an empty object.
local function read_body(request)
  if request.body == "" then
    return {}
  end
  local ok, value = pcall(json.decode, request.body)
  if not ok or type(value) ~= "table" then
    bad_request("the body is not a JSON object")
  end
  return value
end

local function selected(record, query)
  local kind = query.status and query.status ~= "" and query.status
  if kind and record.kind ~= (kind == "eesv" and "board" or kind == "eeio" and "io" or nil) then
    return false
  end
  local group_id = query.group_id and query.group_id ~= "" and query.group_id
  if group_id and record.group_id ~= math.tointeger(tonumber(group_id)) then
    return false
  end
  local since = tonumber(query.update_time)
  return not since or record.update_time > since
end

-- The REST object of a device, with its empty lists marked as lists.
local function detail(fabric, record)
  local shown = fabric:detail(record)
  for _, value in pairs(shown) do
    if type(value) == "table" then
      json.array(value)
    end
  end
  return shown
end

local handlers = {}

handlers["GET api_version"] = function(fabric)
  return answer(200, { version_number = fabric:version() })
end

local function list(fabric, query, shown)
  local devices = {}
  for _, record in ipairs(fabric:devices()) do
    if selected(record, query) then
      devices[#devices + 1] = shown(record)
    end
  end
  return answer(200, { devices = json.array(devices), timestamp = fabric:timestamp() })
end

handlers["GET devices"] = function(fabric, request)
  return list(fabric, request.query, function(record)
    return { id = record.id }
  end)
end

handlers["GET devices detail"] = function(fabric, request)
  return list(fabric, request.query, function(record)
    return detail(fabric, record)
  end)
end

handlers["GET devices *"] = function(fabric, _, id)
  local record = fabric:device(id)
  return answer(200, { device = detail(fabric, record), timestamp = fabric:timestamp() })
end

handlers["DELETE devices *"] = function(fabric, request, id)
  fabric:remove(id, request.query.force == "enabled")
  return answer()
end

handlers["PUT devices * group_id"] = function(fabric, request, id)
  local body = read_body(request)
  local group_id
  if body.group_id ~= nil then
    group_id = math.tointeger(tonumber(body.group_id))
    if not group_id then
      bad_request("group_id is not a number")
    end
  end
  return answer(200, fabric:set_group(id, group_id, body.update_time))
end

handlers["DELETE devices * group_id"] = function(fabric, request, id)
  return answer(200, fabric:free(id, request.query.update_time))
end

handlers["PUT devices * audit"] = function(fabric, _, id)
  return answer(200, fabric:audit(id))
end

handlers["PUT devices * perst"] = function(fabric, _, id)
  fabric:reset(id)
  return answer()
end

handlers["PUT devices * send_reset_frame"] = handlers["PUT devices * perst"]

handlers["GET devices * uid_led_status"] = function(fabric, _, id)
  return answer(200, { uid_led_status = fabric:device(id).led })
end

handlers["PUT devices * uid_led_status"] = function(fabric, request, id)
  local state = read_body(request).uid_led_status
  if state ~= "on" and state ~= "off" then
    bad_request("uid_led_status must be on or off")
  end
  fabric:set_led(id, state)
  return answer()
end

-- Nobody has published an answer of this one; the client that knows the path never reads it.
handlers["GET groups"] = function(fabric)
  local groups, seen = {}, {}
  for _, record in ipairs(fabric:devices()) do
    if not seen[record.group_id] then
      seen[record.group_id] = true
      groups[#groups + 1] = { group_id = tostring(record.group_id) }
    end
  end
  table.sort(groups, function(a, b)
    return tonumber(a.group_id) < tonumber(b.group_id)
  end)
  return answer(200, { groups = json.array(groups) })
end

-- The handler of a path and the device id in it; nil and the status to refuse with.
local function route(method, path)
  local rest = path:match("^" .. BASE .. "/(.-)/?$")
  if not rest then
    return nil
  end
  local parts = {}
  for part in rest:gmatch("[^/]+") do
    parts[#parts + 1] = part
  end
  local exact = handlers[method .. " " .. table.concat(parts, " ")]
  if exact then
    return exact
  end
  local id = parts[2]
  parts[2] = id and "*"
  return handlers[method .. " " .. table.concat(parts, " ")], id
end

-- { world = function giving it, user =, password = }
function M.new(options)
  return setmetatable({
    world = options.world,
    expected = perform.authorization(options.user, options.password),
    requests = 0,
  }, M)
end

local function act(fabric, request)
  local handler, id = route(request.method, request.path)
  if not handler then
    return problem(404, "40400", "there is no " .. request.method .. " " .. request.path)
  end
  local ok, result = pcall(handler, fabric, request, id)
  if ok then
    return result
  elseif world_errors.is_error(result) then
    return problem(result.http or 500, result.code or "50000", result.text)
  end
  error(result, 0)
end

-- Handler for httpd.
function M:handle(request)
  self.requests = self.requests + 1
  local world = self.world()
  if self.expected and request.headers.authorization ~= self.expected then
    local refused = problem(401, "40100", "user or password is wrong")
    refused.headers["WWW-Authenticate"] = 'Basic realm="EEM"'
    return refused
  end
  return perform.call({
    world = world,
    target = "eem",
    call = { verb = request.method, path = request.path },
    by = "eem",
    latency = world.latency.answer,
    request = request,
    act = function()
      return act(world:eem(), request)
    end,
    refuse = function(rule)
      local status = math.tointeger(rule.http) or 500
      return problem(status, rule.code or ("%d00"):format(status), rule.text or "refused by a rule")
    end,
  })
end

return M
