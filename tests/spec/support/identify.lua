-- identify.lua OPTIONS TIMES: asks who answers, several times over one handle; prints the last
-- answer, or the failure, as JSON.
local json = require("json")
local loop = require("loop")
local scheduler = require("core.scheduler")

local options, times = json.decode(arg[1]), tonumber(arg[2])
local began = scheduler.now()
local ok, result = loop.guard(function()
  local connection <close> = require("wmi").open(options)
  local answer
  for _ = 1, times do
    answer = connection:identify()
  end
  return answer
end)
if not ok then
  result = {
    code = result.code, message = result.message, hint = result.hint, transient = result.transient,
    http = result.http, seconds = scheduler.now() - began,
  }
end
io.stdout:write(json.encode(result), "\n")
