-- What every outside call to the lab goes through: time passes, latency is waited for, and a fault
-- that was ordered for this call (docs/lab.md) is carried out. Shared by the faces.
local scheduler = require("core.scheduler")

local sight = require("lab.world.sight")

local M = {}

local TICK = 0.02 -- seconds between looks whether a silent target speaks again
local HTML = [[<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>
]]
local HUGE = 64 * 1024 * 1024

local function with_body(answer, body, content_type)
  return {
    status = answer.status,
    headers = { ["Content-Type"] = content_type or answer.headers["Content-Type"] },
    body = body,
  }
end

-- Spoils an answer to something that was done.
local function spoil(effect, rule, answer)
  if effect == "garbage" then
    return with_body(answer, rule.body or "\x7f\x00\xfe{<[garbage" .. ("\xa5"):rep(64))
  elseif effect == "html" then
    local spoilt = with_body(answer, rule.body or HTML, "text/html; charset=utf-8")
    spoilt.status = rule.http or 200
    return spoilt
  elseif effect == "huge" then
    answer.pad = math.tointeger(rule.bytes) or HUGE
  elseif effect == "truncate" then
    answer.truncate = math.tointeger(rule.bytes) or #answer.body // 2
  end
  return answer
end

-- The answer of a look that lacks rows. `act` does not wait.
local function with_sight(p, rule)
  p.world.sight = sight.new(p.world, p.target, rule, p.call)
  local ok, answer = pcall(p.act)
  p.world.sight = nil
  return ok and answer or error(answer, 0)
end

-- Nothing is said as long as the rule is in force, and then the connection is closed.
local function say_nothing(p, rule)
  while p.world.faults:has(rule) do
    scheduler.sleep(TICK)
    p.world:advance()
  end
  p.request.close()
end

---@class Performance
---@field world table
---@field target string        "eem" or the node's name
---@field call table           what the face knows of the call, for the rules
---@field by string            for the log of changes
---@field latency number?      seconds
---@field request table        of httpd
---@field timeout number?     seconds after which the caller is told so; it is done all the same
---@field act fun(): table     does it and gives the answer
---@field refuse fun(rule: table): table   the answer to a call that a rule refuses
---@field timed_out fun(): table?          the answer when `timeout` is over

-- Gives the answer, or nil when the connection was closed.
---@param p Performance
function M.call(p)
  local world, began = p.world, scheduler.now()
  if p.latency and p.latency > 0 then
    scheduler.sleep(p.latency)
  end
  world:advance()
  local rule = world.faults:take(p.target, p.call)
  local effect = rule and rule.effect
  if effect == "unreachable" or effect == "drop" then
    p.request.close()
    return nil
  elseif effect == "silence" then
    return say_nothing(p, rule)
  elseif effect == "error" then
    return p.refuse(rule)
  elseif effect == "delay" then
    scheduler.sleep(rule.seconds or 1)
    world:advance()
  end
  world.by = p.by
  local answer = (effect == "empty" or effect == "short") and with_sight(p, rule) or p.act()
  if effect == "delay after" then
    scheduler.sleep(rule.seconds or 1)
  elseif effect == "drop after" then
    p.request.close()
    return nil
  elseif effect == "error after" then
    return p.refuse(rule)
  end
  if p.timeout and p.timed_out and scheduler.now() - began > p.timeout then
    return p.timed_out()
  end
  return rule and spoil(effect, rule, answer) or answer
end

---- Basic authentication --------------------------------------------------------------------------

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local bits = a << 16 | (b or 0) << 8 | (c or 0)
    for k = 0, 3 do
      local index = (bits >> (18 - 6 * k) & 63) + 1
      out[#out + 1] = ALPHABET:sub(index, index)
    end
    if not c then
      out[#out] = "="
      out[#out - 1] = b and out[#out - 1] or "="
    end
  end
  return table.concat(out)
end

-- The header that a client with these credentials sends; nil: anybody may come.
---@return string?
function M.authorization(user, password)
  return user and "Basic " .. base64(user .. ":" .. (password or "")) or nil
end

return M
