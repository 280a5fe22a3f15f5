-- Client of a lab's own endpoint (admin.lua has the list), for specs and demonstrations.
local http = require("http")
local json = require("json")

local M = {}

---@class LabClient
local Client = {}
Client.__index = Client

---@param url string "http://127.0.0.1:4711/lab"
---@return LabClient
function M.open(url)
  return setmetatable({ url = url, http = http.open({ timeout = 10 }) }, Client)
end

-- Raises a text where the lab does not do it.
function Client:request(method, what, body)
  local answer, why, message = self.http:request(method, self.url .. "/" .. what, {
    body = body and json.encode(body) or "",
    headers = { ["Content-Type"] = "application/json" },
  })
  if not answer then
    error(("the lab does not answer (%s: %s)"):format(why, message), 0)
  end
  local value = json.decode(answer.body)
  if answer.status ~= 200 then
    error(("the lab refused: %s"):format(value.message or answer.body), 0)
  end
  return value
end

function Client:truth()
  return self:request("GET", "truth")
end

function Client:violations()
  return self:request("GET", "violations").violations
end

function Client:changes()
  return self:request("GET", "changes").changes
end

-- { eem = n, nodes = { name = n }, calls = counters of the world }
function Client:requests()
  return self:request("GET", "requests")
end

function Client:addresses()
  return self:request("GET", "addresses")
end

---@param rule table docs/lab.md, Faults
---@return integer id
function Client:fault(rule)
  return self:request("POST", "faults", rule).id
end

function Client:clear_faults()
  self:request("DELETE", "faults")
end

---@param state "on"|"off"
---@return boolean changed
function Client:power(node, state)
  return self:request("POST", "node", { name = node, power = state }).changed
end

-- Gives the shared disk to a node; nil takes it from all.
function Client:give_disk(owner, disk)
  return self:request("POST", "disk", { owner = owner, disk = disk }).changed
end

function Client:set_latency(latency)
  self:request("POST", "latency", latency)
end

function Client:set_switch(name, value)
  self:request("POST", "switch", { name = name, value = value })
end

-- Any of the administrator's verbs.
function Client:admin(verb, arguments)
  local body = { verb = verb }
  for name, value in pairs(arguments or {}) do
    body[name] = value
  end
  return self:request("POST", "admin", body)
end

function Client:reset(options)
  return self:request("POST", "reset", options)
end

function Client:quit()
  self:request("POST", "quit")
end

function Client:close()
  self.http:close()
end

return M
