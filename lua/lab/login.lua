-- Logins and encrypted messages in front of a node's WS-Management, as WinRM has them on a Windows
-- server that nobody has changed (MS-WSMV 3.1.5.1): Negotiate or Kerberos once for each connection;
-- over http every message encrypted; no Basic. What is not encrypted there is refused with HTTP 500
-- without a word.
local seal = require("seal")

local M = {}
M.__index = M

local OFFER = "Negotiate, Kerberos"
local CONTEXTS_MAX = 1000 -- a connection whose context was forgotten logs in anew
M.OFFER = OFFER

---@class LoginOptions
---@field face table        a lab.wsman
---@field keytab string?    nil: the system's
---@field binding string?   of the certificate, over https
---@field strict boolean?   CbtHardeningLevel=Strict: without the binding nobody gets in
---@field user string?      the only account that may do something

---@param options LoginOptions
function M.new(options)
  return setmetatable({ options = options, contexts = {}, count = 0 }, M)
end

local function bare(status, header)
  return { status = status, headers = { ["WWW-Authenticate"] = header }, body = "" }
end

local function close(context)
  if context then
    context.seal:close()
  end
end

function M:forget(connection)
  if self.contexts[connection] then
    close(self.contexts[connection])
    self.contexts[connection] = nil
    self.count = self.count - 1
  end
end

local function forget_oldest(self)
  local oldest = math.huge
  for connection in pairs(self.contexts) do
    oldest = math.min(oldest, connection)
  end
  self:forget(oldest)
end

function M:begin(connection)
  self:forget(connection)
  if self.count >= CONTEXTS_MAX then
    forget_oldest(self)
  end
  local context = {
    seal = seal.accept({ keytab = self.options.keytab, binding = self.options.binding }),
  }
  self.contexts[connection] = context
  self.count = self.count + 1
  return context
end

-- One token of a login. Gives the answer.
function M:log_in(connection, scheme, token)
  local context = self.contexts[connection]
  if not context or context.account then
    context = self:begin(connection)
  end
  local ok, reply = pcall(context.seal.step, context.seal, token)
  local account, _, bound
  if ok then
    account, _, bound = context.seal:account()
  end
  if not ok or (account and self.options.strict and not bound) then
    self.refused = ok and "not bound to the channel" or tostring(reply)
    self:forget(connection)
    return bare(401, OFFER)
  end
  context.account = account
  return bare(account and 200 or 401, reply and scheme .. " " .. reply or scheme)
end

-- "operator" is "operator@EXAMPLE.COM" and "EXAMPLE\\operator".
local function is_user(account, user)
  account, user = account:lower(), user:lower()
  return account == user or account:match("^([^@]*)@") == user or account:match("\\(.*)$") == user
end

function M:inner(request, context, body)
  local user = self.options.user
  if user and not is_user(context.account, user) then
    return self.options.face:denied()
  end
  local copy = {}
  for name, value in pairs(request) do
    copy[name] = value
  end
  copy.body = body
  return self.options.face:handle(copy)
end

-- What WS-Management itself answers is encrypted; what the web server answers is not.
local function wrapped(context, answer)
  local kind = answer and answer.headers and answer.headers["Content-Type"] or ""
  if not kind:find("^application/soap") then
    return answer
  end
  local headers = {}
  for name, value in pairs(answer.headers) do
    headers[name] = value
  end
  local copy = { status = answer.status, headers = headers, pad = answer.pad,
    truncate = answer.truncate }
  copy.body, headers["Content-Type"] = context.seal:wrap(answer.body)
  return copy
end

-- Handler for httpd.
function M:handle(request)
  local scheme, token = (request.headers.authorization or ""):match("^(%a+) +(%S+)$")
  if scheme == "Negotiate" or scheme == "Kerberos" then
    local answer = self:log_in(request.connection, scheme, token)
    if answer.status ~= 200 or request.body == "" then
      return answer
    end
  end
  local context = self.contexts[request.connection]
  if not context or not context.account then
    return bare(401, OFFER)
  elseif request.secure then
    return self:inner(request, context, request.body)
  end
  local ok, body = pcall(context.seal.unwrap, context.seal,
    request.headers["content-type"] or "", request.body)
  if not ok then
    self.refused = tostring(body)
    return { status = 500, headers = {}, body = "" }
  end
  return wrapped(context, self:inner(request, context, body))
end

return M
