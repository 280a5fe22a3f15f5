-- A proxy in front of a node of the lab, over real HTTP, that changes its answers:
--
--   local spoiler = require("support.spoiler").start(lab.nodes.ms1.url)
--   spoiler.rules = { { asks = "Msvm_ComputerSystem", change = function(body) ... end } }
--   ... wmi.open { url = spoiler.url, ... } ...
--   spoiler:stop()
--
-- `asks`: a pattern that the request must have; the first rule that fits changes the answer.
local http = require("http")
local httpd = require("httpd")

local M = {}

-- Leaves out every row of an answer: what an account without rights gets.
function M.no_rows(body)
  return (body:gsub("(<%l+:Items>).-(</%l+:Items>)", "%1%2"))
end

-- Leaves out the rows that have this text in them.
function M.without(text)
  return function(body)
    return (body:gsub("(<%l+:Items>)(.-)(</%l+:Items>)", function(open, rows, close)
      local kept, at = {}, 1
      while at <= #rows do
        local name = rows:match("^<(%l+:[%w_]+)", at)
        local _, stop = rows:find("</" .. name .. ">", at, true)
        local row = rows:sub(at, stop)
        kept[#kept + 1] = not row:find(text, 1, true) and row or nil
        at = stop + 1
      end
      return open .. table.concat(kept) .. close
    end))
  end
end

local Spoiler = {}
Spoiler.__index = Spoiler

local function forward(self, request)
  local answer, what = self.client:request(request.method, self.target, {
    headers = {
      ["Content-Type"] = request.headers["content-type"],
      Authorization = request.headers.authorization,
    },
    body = request.body,
  })
  if not answer then
    error("the lab does not answer the proxy: " .. tostring(what))
  end
  local body = answer.body
  for _, rule in ipairs(self.rules) do
    if request.body:find(rule.asks) then
      body = rule.change(body)
      rule.hits = (rule.hits or 0) + 1
      break
    end
  end
  local headers = { ["Content-Type"] = answer.content_type }
  if answer.status == 401 then
    headers["WWW-Authenticate"] = 'Basic realm="lab"'
  end
  return { status = answer.status, headers = headers, body = body }
end

---@param target string url of the node's WS-Management
function M.start(target)
  local self = setmetatable({ target = target, rules = {}, client = http.open() }, Spoiler)
  self.server = httpd.listen({
    handler = function(request)
      return forward(self, request)
    end,
  })
  self.url = ("http://127.0.0.1:%d/wsman"):format(self.server:port())
  return self
end

function Spoiler:stop()
  self.server:close()
  self.client:close()
end

return M
