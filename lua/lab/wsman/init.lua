-- WS-Management as WinRM serves it, for one node of the world (docs/facts/hyperv-wmi.md#4;
-- MS-WSMV): Identify, Get, Enumerate, Pull, Release and Invoke on WMI classes. Stricter than its
-- clients need where real hosts are known to be strict, so that a client that works here has sent
-- the right thing.
local enumerate = require("lab.wsman.enumerate")
local fault = require("lab.wsman.fault")
local perform = require("lab.perform")
local values = require("lab.wsman.values")
local world_errors = require("lab.world.errors")
local xml = require("xml")

local M = {}
M.__index = M

local SOAP = "http://www.w3.org/2003/05/soap-envelope"
local TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer/"
local ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/"
local IDENTITY = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
local CONTENT_TYPE = "application/soap+xml;charset=UTF-8"

local ENVELOPE_MIN = 8192 -- MS-WSMV
local ENVELOPE_DEFAULT = 153600
local ENVELOPE_SERVER_MAX = 512000 -- winrm/config MaxEnvelopeSizekb 500
local REQUEST_LIMITS = { bytes = "512KiB", depth = 64, elements = 20000 }

local UNDERSTOOD = {}
for name in ([[Action To MessageID ReplyTo FaultTo From RelatesTo ResourceURI SelectorSet OptionSet
  MaxEnvelopeSize OperationTimeout Locale DataLocale SessionId OperationID SequenceId
  CompressionType]]):gmatch("%w+") do
  UNDERSTOOD[name] = true
end

local HEAD = [[<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" ]] ..
  [[xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" ]] ..
  [[xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" ]] ..
  [[xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" ]] ..
  [[xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" ]] ..
  [[xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">]]

---@class WsmanOptions
---@field world fun(): table
---@field node string
---@field user string?
---@field password string?
---@field challenge string?      what a 401 offers
---@field fault_form "wmi"|"wsman"|nil
---@field fragments boolean?
---@field max_envelope integer?
---@field provider table?        instead of lab.provider, for specs

---@param options WsmanOptions
function M.new(options)
  return setmetatable({
    world = options.world,
    node = options.node,
    expected = perform.authorization(options.user, options.password),
    challenge = options.challenge or 'Basic realm="WSMAN"',
    fault_form = options.fault_form or "wmi",
    fragments = options.fragments ~= false,
    providers = options.provider or require("lab.cim"),
    max_envelope = options.max_envelope or ENVELOPE_SERVER_MAX,
    enumerations = enumerate.new(),
    requests = 0,
    messages = 0,
  }, M)
end

---- envelopes -------------------------------------------------------------------------------------

local function http_answer(status, body)
  return { status = status, headers = { ["Content-Type"] = CONTENT_TYPE }, body = body }
end

function M:envelope(action, relates_to, body)
  self.messages = self.messages + 1
  return ("%s<s:Header><a:Action>%s</a:Action><a:MessageID>uuid:%08X-0000-4000-9000-%012X" ..
    "</a:MessageID><a:To>%s</a:To>%s</s:Header><s:Body>%s</s:Body></s:Envelope>"):format(
    HEAD, xml.escape(action), self.messages, self.messages, values.ANONYMOUS,
    relates_to and "<a:RelatesTo>" .. xml.escape(relates_to) .. "</a:RelatesTo>" or "", body)
end

function M:fault_answer(problem, relates_to)
  local action, status, body = fault.body(problem, self.fault_form, self.node)
  return http_answer(status, self:envelope(action, relates_to, body))
end

-- The headers by local name, and the first element of the body.
local function open_envelope(text)
  local ok, root = pcall(xml.parse, text, REQUEST_LIMITS)
  if not ok then
    fault.raise("bad_xml", "%s", tostring(root))
  elseif root.name ~= "Envelope" or root.ns ~= SOAP then
    fault.raise("bad_xml", "The root element is not a SOAP 1.2 envelope.")
  end
  local headers = {}
  for _, element in ipairs(values.child(root, "Header") or {}) do
    headers[element.name] = element
  end
  local body = values.child(root, "Body")
  if not body then
    fault.raise("bad_xml", "There is no body.")
  end
  return headers, body[1]
end

local function text_of(element)
  return element and element.text:match("^%s*(.-)%s*$")
end

local function check_headers(headers)
  for name, element in pairs(headers) do
    local must = element.attributes.mustUnderstand
    if not UNDERSTOOD[name] and (must == "true" or must == "1") then
      fault.raise("not_understood", "%s", name)
    end
  end
  for _, name in ipairs({ "Action", "To", "MessageID", "ReplyTo" }) do
    if not headers[name] then
      fault.raise("no_header", "%s is missing.", name)
    end
  end
  if text_of(values.child(headers.ReplyTo, "Address")) ~= values.ANONYMOUS then
    fault.raise("unsupported", "ReplyTo must be anonymous.")
  end
end

function M:envelope_size(headers)
  local wanted = headers.MaxEnvelopeSize and text_of(headers.MaxEnvelopeSize)
  local size = ENVELOPE_DEFAULT
  if wanted then
    size = math.tointeger(tonumber(wanted)) or fault.raise("bad_parameter", "MaxEnvelopeSize")
    if size < ENVELOPE_MIN then
      fault.raise("envelope_too_small", "It must be %d or more.", ENVELOPE_MIN)
    end
  end
  return math.min(size, self.max_envelope)
end

-- "PT60.000S", "PT1M30S" in seconds.
local function read_timeout(element)
  local text = text_of(element)
  if not text then
    return nil
  end
  local hours = tonumber(text:match("T.-([%d.]+)H")) or 0
  local minutes = tonumber(text:match("T.-([%d.]+)M")) or 0
  local seconds = tonumber(text:match("([%d.]+)S")) or 0
  if not text:find("^P.*T%d") then
    fault.raise("bad_parameter", "OperationTimeout is not a duration.")
  end
  return hours * 3600 + minutes * 60 + seconds
end

---- operations ------------------------------------------------------------------------------------

local operations = {}

-- Keys in the schema's spelling; refuses selectors that are no keys.
local function check_keys(schema, selectors)
  local keys = {}
  for name, value in pairs(selectors) do
    local known
    for _, key in ipairs(schema.keys or {}) do
      known = known or key:lower() == name:lower() and key
    end
    if known then
      keys[known] = value
    elseif name:lower() ~= "__cimnamespace" then
      fault.raise("bad_selectors", "%s is not a key of %s.", name, schema.name)
    end
  end
  return keys
end

local function schema_of(call)
  local schema = call.provider:class(call.class)
  if not schema then
    fault.raise_hresult(0x80041010, ("The class %s does not exist."):format(call.class))
  end
  return schema
end

operations[TRANSFER .. "Get"] = function(_, call)
  local schema = schema_of(call)
  local keys = check_keys(schema, call.selectors)
  if not next(keys) and #(schema.keys or {}) > 0 then
    fault.raise_hresult(0x8004102F, "Invalid method parameters: no selector is given.")
  end
  return values.instance(call.provider:get(schema.name, keys), call.context)
end

operations[ENUMERATION .. "Enumerate"] = function(self, call)
  if call.class ~= "*" then
    schema_of(call)
  end
  return self.enumerations:enumerate(call)
end

operations[ENUMERATION .. "Pull"] = function(self, call)
  return self.enumerations:pull(call)
end

operations[ENUMERATION .. "Release"] = function(self, call)
  return self.enumerations:release(call)
end

local function find_method(schema, name)
  for known, method in pairs(schema.methods or {}) do
    if known:lower() == name:lower() then
      return method, known
    end
  end
  return nil
end

local function invoke(call, name)
  local schema = schema_of(call)
  local method, known = find_method(schema, name)
  if not method then
    fault.raise("no_action", "%s has no method %s.", schema.name, name)
  end
  local keys = check_keys(schema, call.selectors)
  if not next(keys) and #(schema.keys or {}) > 0 then
    fault.raise_hresult(0x8004102F, "Invalid method parameters: no selector is given.")
  elseif not call.body or call.body.name ~= known .. "_INPUT" then
    fault.raise("bad_schema", "The element %s_INPUT is missing.", known)
  end
  local arguments = values.read_arguments(method.ins or {}, call.body)
  local out = {}
  for _, parameter in ipairs(call.provider:call(schema.name, keys, known, arguments)) do
    out[#out + 1] = values.write(parameter, parameter.value, "p:", call.context)
  end
  return ([[<p:%s_OUTPUT xmlns:p="%s" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">]] ..
    "%s</p:%s_OUTPUT>"):format(known, xml.escape(call.uri), table.concat(out), known)
end

local function method_of(action, uri)
  local from = #uri + 2
  if action:sub(1, #uri):lower() == uri:lower() and action:sub(#uri + 1, #uri + 1) == "/" then
    return action:sub(from)
  end
  return nil
end

-- What is asked for, as far as the rules for faults and the operation need to know.
function M:read_call(headers, body)
  check_headers(headers)
  local action, uri = text_of(headers.Action), text_of(headers.ResourceURI)
  if not uri then
    fault.raise("not_found", "ResourceURI is missing.")
  end
  local namespace, class = values.parse_uri(uri)
  if not namespace then
    fault.raise("not_found", "%s", uri)
  end
  local call = {
    action = action, uri = uri, namespace = namespace, class = class, body = body,
    selectors = values.read_selectors(headers.SelectorSet),
    method = method_of(action, uri),
    fragments = self.fragments,
    max_bytes = self:envelope_size(headers),
    timeout = read_timeout(headers.OperationTimeout),
    parse_path = self.providers.parse_path,
  }
  if not call.method and not operations[action] then
    fault.raise("no_action", "%s", action)
  end
  return call
end

function M:bind_provider(call)
  call.sight = self.world().sight
  call.provider = self.providers.new(self.world(), self.node, call.namespace)
  if not call.provider then
    fault.raise_hresult(0x8004100E, ("The namespace %s does not exist."):format(call.namespace))
  end
  call.context = {
    namespace = call.namespace,
    find_class = function(name)
      return call.provider:class(name)
    end,
  }
end

-- The envelope that answers, or a raised fault.
function M:operate(call, relates_to)
  self:bind_provider(call)
  local body
  if call.method then
    body = invoke(call, call.method)
  else
    body = operations[call.action](self, call)
  end
  local text = self:envelope(call.action .. "Response", relates_to, body)
  if #text > call.max_bytes then
    fault.raise("too_large", "The response has %d bytes, the maximum is %d.", #text, call.max_bytes)
  end
  return http_answer(200, text)
end

-- Runs `fn` and turns what it raises into a fault.
function M:protected(relates_to, fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then
    return result
  elseif fault.is(result) then
    return self:fault_answer(result, relates_to)
  elseif world_errors.is_error(result) and result.hresult then
    local ok_fault, problem = pcall(fault.raise_hresult, result.hresult, result.text)
    assert(not ok_fault)
    return self:fault_answer(problem, relates_to)
  end
  error(result, 0)
end

-- What the rules for faults may match on.
function M:describe(call)
  local verb = call.method and "Invoke" or call.action:match("([^/]+)$")
  local filter = values.child(call.body, "Filter")
  local query = filter and filter.text
  local class = call.class
  if class == "*" and query then
    class = query:match("[Ff][Rr][Oo][Mm]%s+([%w_]+)") or
      query:match("[Rr]esult[Cc]lass%s*=%s*([%w_]+)") or class
  end
  local keys = {}
  for name, value in pairs(call.selectors) do
    keys[name] = type(value) == "string" and value or nil
  end
  local path = next(keys) and self.providers.path({ class = call.class, keys = keys }) or nil
  return {
    verb = verb, method = call.method, class = class, namespace = call.namespace, query = query,
    path = path,
  }
end

---- requests --------------------------------------------------------------------------------------

local function identify(known)
  local version = known and "OS: 10.0.20348 SP: 0.0 Stack: 3.0" or "OS: 0.0.0 SP: 0.0 Stack: 3.0"
  return http_answer(200, ([[<s:Envelope xmlns:s="%s"><s:Header/><s:Body>]] ..
    [[<wsmid:IdentifyResponse xmlns:wsmid="%s"><wsmid:ProtocolVersion>]] ..
    "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion>" ..
    "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>" ..
    "<wsmid:ProductVersion>%s</wsmid:ProductVersion></wsmid:IdentifyResponse>" ..
    "</s:Body></s:Envelope>"):format(SOAP, IDENTITY, version))
end

-- What http.sys says by itself where WinRM has no listener, or does not take requests now.
local HTTP_SYS = {
  [404] = { "Not Found", "HTTP Error 404. The requested resource is not found." },
  [503] = { "Service Unavailable", "HTTP Error 503. The service is unavailable." },
}
local PAGE = [[<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN">
<HTML><HEAD><TITLE>%s</TITLE>
<META HTTP-EQUIV="Content-Type" Content="text/html; charset=us-ascii"></HEAD>
<BODY><h2>%s</h2>
<hr><p>%s</p>
</BODY></HTML>
]]

local function http_sys(status)
  local title, text = table.unpack(HTTP_SYS[status])
  return {
    status = status, headers = { ["Content-Type"] = "text/html; charset=us-ascii" },
    body = PAGE:format(title, title, text),
  }
end

local function plain(status, text, headers)
  headers = headers or {}
  headers["Content-Type"] = "text/plain; charset=utf-8"
  return { status = status, headers = headers, body = text .. "\n" }
end

function M:handle_envelope(request)
  local headers, body, relates_to, call
  local refused = self:protected(nil, function()
    headers, body = open_envelope(request.body)
    relates_to = text_of(headers.MessageID)
  end)
  local is_identify = body and body.name == "Identify" and not headers.Action
  if not refused and not is_identify then
    refused = self:protected(relates_to, function()
      call = self:read_call(headers, body)
    end)
  end
  local world = self.world()
  return perform.call({
    world = world,
    target = self.node,
    call = call and self:describe(call) or { verb = is_identify and "Identify" or "invalid" },
    by = "wmi " .. self.node,
    latency = world.latency.answer,
    request = request,
    timeout = call and call.timeout,
    act = function()
      if is_identify then
        return identify(self.expected == nil or request.headers.authorization == self.expected)
      end
      return refused or self:protected(relates_to, self.operate, self, call, relates_to)
    end,
    refuse = function(rule)
      if HTTP_SYS[rule.http] then
        return http_sys(rule.http)
      elseif rule.http then
        return plain(math.tointeger(rule.http), rule.text or "refused by a rule",
          rule.http == 401 and { ["WWW-Authenticate"] = self.challenge } or nil)
      end
      return self:fault_answer(fault.from_rule(rule), relates_to)
    end,
    timed_out = function()
      return self:fault_answer(fault.from_rule({ fault = "timed_out" }), relates_to)
    end,
  })
end

-- What somebody is told who may log in, but not do anything.
function M:denied()
  local ok, problem = pcall(fault.raise_hresult, 0x80070005, "Access is denied.")
  assert(not ok)
  return self:fault_answer(problem)
end

-- Handler for httpd.
function M:handle(request)
  self.requests = self.requests + 1
  if request.path:lower():gsub("/$", "") ~= "/wsman" then
    return plain(404, "not found")
  elseif request.method ~= "POST" then
    return plain(405, "only POST", { Allow = "POST" })
  end
  local anonymous = (request.headers.wsmanidentify or ""):lower() == "unauthenticated"
  if self.expected and request.headers.authorization ~= self.expected then
    if not (anonymous and request.body:find("wsmanidentity", 1, true)) then
      return plain(401, "access denied", { ["WWW-Authenticate"] = self.challenge })
    end
  end
  return self:handle_envelope(request)
end

return M
