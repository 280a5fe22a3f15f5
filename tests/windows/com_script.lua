-- Runs inside takeover.exe: does what a list of operations says, each on its own connection or the
-- one before, and prints one line of JSON with what each gave. Argument: the list as JSON.
--   { op = "open", options = {} } | "query", text | "get", text | "call", text, method, arguments
--   | "close" | "identify" | "namespace", text | "eem", options: ExpEther Manager's version
-- An argument with a __class is sent as an instance.
-- Each may have within (seconds until the task's deadline) and cancel (seconds until the run is
-- asked to stop).
local failure = require("failure")
local json = require("json")
local loop = require("loop")
local scheduler = require("core.scheduler")
local wmi = require("wmi")

-- A table with a __class as the instance that it means.
local function argument(value)
  if type(value) ~= "table" then
    return value
  end
  for key, inner in pairs(value) do
    value[key] = argument(inner)
  end
  return value.__class and wmi.instance(value.__class, value) or value
end

local connection
local operations = {
  open = function(o)
    connection = wmi.open(o.options or {})
  end,
  namespace = function(o)
    connection = connection:namespace(o.text)
  end,
  query = function(o)
    return connection:query(o.text)
  end,
  get = function(o)
    return connection:get(o.text)
  end,
  call = function(o)
    return connection:call(o.text, o.method, argument(o.arguments))
  end,
  identify = function()
    return connection:identify()
  end,
  close = function()
    connection:close()
  end,
  eem = function(o)
    return require("eem").open(o.options):version()
  end,
}

local results = {}
for i, operation in ipairs(json.decode((...))) do
  local began = scheduler.now()
  if operation.cancel then
    scheduler.spawn(function()
      scheduler.sleep(operation.cancel)
      loop.cancel(true)
    end)
  end
  local ok, value = scheduler.until_time(began + (operation.within or 60), operations[operation.op],
    operation)
  loop.cancel(false)
  local result, problem = { ok = ok, took = scheduler.now() - began }, nil
  if ok then
    result.value = value
  else
    problem = value
  end
  if failure.is(problem) then
    for _, key in ipairs({ "code", "message", "hint", "transient", "maybe_executed", "hresult" }) do
      result[key] = problem[key]
    end
  elseif problem then
    result.message = tostring(problem)
  end
  results[i] = result
end
print(json.encode(results))
