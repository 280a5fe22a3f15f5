-- A scripted WS-Management peer for specs: a real HTTP server that keeps what it was sent and
-- answers what the spec says. All envelopes are synthetic, written after MS-WSMV.
local httpd = require("httpd")
local wmi = require("wmi")
local xml = require("xml")

local M = {}

local NAMESPACES = table.concat({
  'xmlns:s="http://www.w3.org/2003/05/soap-envelope"',
  'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"',
  'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"',
  'xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"',
  'xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common"',
  'xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"',
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
}, " ")

local V2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/"
M.V2 = V2

function M.child(element, name)
  for _, e in ipairs(element or {}) do
    if e.name == name then
      return e
    end
  end
end

function M.children(element, name)
  local found = {}
  for _, e in ipairs(element or {}) do
    if e.name == name then
      found[#found + 1] = e
    end
  end
  return found
end

-- An answer with this inside s:Body.
function M.envelope(body, status)
  return {
    status = status or 200,
    headers = { ["Content-Type"] = "application/soap+xml;charset=UTF-8" },
    body = ("<s:Envelope %s><s:Header><a:MessageID>uuid:1</a:MessageID></s:Header><s:Body>%s"
      .. "</s:Body></s:Envelope>"):format(NAMESPACES, body),
  }
end

-- An instance element of a class, `properties` ready-made.
function M.instance(class, properties)
  return ('<p:%s xsi:type="p:%s_Type" xmlns:p="%s%s">%s</p:%s>'):format(class, class, V2, class,
    properties, class)
end

-- The whole enumeration in one answer.
function M.items(...)
  return M.envelope("<n:EnumerateResponse><n:EnumerationContext/><w:Items>"
    .. table.concat({ ... }) .. "</w:Items><w:EndOfSequence/></n:EnumerateResponse>")
end

function M.output(method, class, outs)
  return M.envelope(('<p:%s_OUTPUT xmlns:p="%s%s">%s</p:%s_OUTPUT>'):format(method, V2, class, outs,
    method))
end

function M.fault(subcode, reason, detail, status)
  return M.envelope(([[<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>%s</s:Value>
    </s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">%s</s:Text></s:Reason>
    <s:Detail>%s</s:Detail></s:Fault>]]):format(subcode, reason, detail or ""), status or 500)
end

function M.wsman_fault(code, text)
  return ('<f:WSManFault Code="%d" Machine="ms1"><f:Message>%s</f:Message></f:WSManFault>'):format(
    code, text or "text")
end

local function parse(request)
  local root = xml.parse(request.body)
  local header, body = M.child(root, "Header"), M.child(root, "Body")
  local selectors = {}
  for _, s in ipairs(M.child(header, "SelectorSet") or {}) do
    selectors[s.attributes.Name] = s.text
  end
  local function text(name)
    local e = M.child(header, name)
    return e and e.text
  end
  local action = text("Action") or "Identify"
  return {
    http = request,
    header = header,
    body = body,
    text = text,
    action = action,
    verb = action:match("[^/]+$"),
    uri = text("ResourceURI"),
    selectors = selectors,
    filter = (M.child(body[1], "Filter") or {}).text,
  }
end

---@class Peer
---@field requests table[] what came, in order
---@field url string
local Peer = {}
Peer.__index = Peer

-- How often a verb ("Enumerate", a method's name) was asked.
function Peer:count(verb)
  local count = 0
  for _, request in ipairs(self.requests) do
    count = count + (request.verb == verb and 1 or 0)
  end
  return count
end

function Peer:connect(options)
  options = options or {}
  options.url = options.url or self.url
  local connection = wmi.open(options)
  self.connections[#self.connections + 1] = connection
  return connection
end

function Peer:close()
  for _, connection in ipairs(self.connections) do
    connection:close()
  end
  self.server:close()
end

-- `answer(request, peer)` gives the answer to each; it may be replaced later.
---@return Peer
function M.start(answer)
  local peer = setmetatable({ requests = {}, connections = {}, answer = answer }, Peer)
  peer.server = httpd.listen({
    handler = function(request)
      local parsed = parse(request)
      peer.requests[#peer.requests + 1] = parsed
      return peer.answer(parsed, peer)
    end,
  })
  peer.url = ("http://127.0.0.1:%d/wsman"):format(peer.server:port())
  return peer
end

-- The failure that `fn(...)` raises.
function M.failure_of(fn, ...)
  local ok, failure = pcall(fn, ...)
  assert(not ok, "it did not fail")
  return failure
end

return M
