-- Faults of the WS-Management face (docs/facts/hyperv-wmi.md#4.4). A fault is raised as a table
-- made by one of the functions here and becomes an envelope at the top. What WMI itself refuses (an
-- HRESULT) comes in one of two forms, because real hosts have shown both: MSFT_WmiError, or
-- WSManFault with a ProviderFault.
local xml = require("xml")

local M = {}

local Fault = { __name = "WS-Management fault" }

function Fault:__tostring()
  return self.text
end

local BASE = 0x80338000 -- of the ERROR_WSMAN_* numbers
local DETAIL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"

-- name = { number, sender or receiver, subcode, FaultDetail, sentence }
local FAULTS = {
  not_found = { BASE + 0, "Sender", "a:DestinationUnreachable", DETAIL .. "InvalidResourceURI",
    "The service cannot find the resource identified by the resource URI and selectors." },
  no_header = { BASE + 17, "Sender", "a:MessageInformationHeaderRequired", nil,
    "A required addressing header is missing." },
  no_action = { BASE + 19, "Sender", "a:ActionNotSupported", nil,
    "The action is not supported by the service." },
  no_dialect = { BASE + 25, "Sender", "n:FilterDialectRequestedUnavailable", nil,
    "The filter dialect is not supported." },
  bad_filter = { BASE + 26, "Sender", "n:CannotProcessFilter", nil,
    "The filter cannot be processed." },
  bad_context = { BASE + 27, "Receiver", "n:InvalidEnumerationContext", nil,
    "The enumeration context is not valid." },
  timed_out = { BASE + 41, "Receiver", "w:TimedOut", nil,
    "The operation did not complete within the time specified in OperationTimeout." },
  too_large = { BASE + 53, "Sender", "w:EncodingLimit", DETAIL .. "MaxEnvelopeSize",
    "The response that the service computed exceeds the maximum envelope size in the request." },
  envelope_too_small = { BASE + 72, "Sender", "w:EncodingLimit", DETAIL .. "MinimumEnvelopeLimit",
    "The maximum envelope size in the request is too small." },
  bad_parameter = { BASE + 58, "Sender", "w:InvalidParameter", nil, "A parameter is not valid." },
  bad_selectors = { BASE + 91, "Sender", "w:InvalidSelectors", DETAIL .. "UnexpectedSelectors",
    "The selectors are not those of the resource." },
  bad_schema = { BASE + 65, "Sender", "w:SchemaValidationError", nil,
    "The input does not match the schema of the method." },
  unsupported = { BASE + 66, "Sender", "w:UnsupportedFeature", nil,
    "The feature is not supported by the service." },
  bad_xml = { BASE + 67, "Sender", nil, nil, "The request is not valid XML." },
  not_understood = { BASE + 66, "MustUnderstand", nil, nil,
    "A header that must be understood is not understood." },
  denied = { 5, "Sender", "w:AccessDenied", nil, "Access is denied." },
}

local ACTIONS = {
  a = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
  n = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/fault",
  w = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault",
}

---@param name string one of FAULTS
function M.raise(name, format, ...)
  local entry = FAULTS[name]
  local text = entry[5]
  if format then
    text = text .. " " .. format:format(...)
  end
  error(setmetatable({ name = name, entry = entry, text = text }, Fault), 0)
end

-- What WMI refuses.
function M.raise_hresult(hresult, text)
  error(setmetatable({ hresult = hresult, text = text or ("HRESULT = 0x%08X"):format(hresult) },
    Fault), 0)
end

-- A fault to order: { hresult = } or { fault = name } or { code = ERROR_WSMAN_* number }.
function M.from_rule(rule)
  local entry = FAULTS[rule.fault or ""]
  local code = math.tointeger(tonumber(rule.code))
  if rule.hresult then
    return setmetatable({ hresult = math.tointeger(tonumber(rule.hresult)),
      text = rule.text or "ordered by a rule" }, Fault)
  elseif not entry and code then
    for _, candidate in pairs(FAULTS) do
      if candidate[1] == code then
        entry = candidate
      end
    end
    entry = entry or { code, "Receiver", "w:InternalError", nil, "" }
  end
  entry = entry or { 0x80338000 + 3, "Receiver", "w:InternalError", nil, "The provider failed." }
  return setmetatable({ entry = entry, text = rule.text or entry[5] }, Fault)
end

function M.is(value)
  return getmetatable(value) == Fault
end

-- WBEM_E_* with CIM's own numbers (CIMStatusCode of DSP0200).
local CIM_STATUS = {
  [0x80041002] = 6, [0x80041003] = 2, [0x8004100C] = 7, [0x80041008] = 4, [0x80041010] = 5,
  [0x8004100E] = 3, [0x80041017] = 15, [0x80041055] = 17, [0x8004102F] = 4,
}

local function wmi_error(fault)
  local uri = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"
  return ([[<p:MSFT_WmiError b:IsCIM_Error="true" ]] ..
    [[xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd" xmlns:p="%s" ]] ..
    [[xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="p:MSFT_WmiError_Type">]] ..
    [[<p:CIMStatusCode xsi:type="cim:cimUnsignedInt" ]] ..
    [[xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">%d</p:CIMStatusCode>]] ..
    [[<p:CIMStatusCodeDescription xsi:nil="true"/><p:ErrorSource xsi:nil="true"/>]] ..
    [[<p:Message>%s</p:Message><p:MessageID>HRESULT 0x%08x</p:MessageID>]] ..
    [[<p:OwningEntity>WMI</p:OwningEntity><p:PerceivedSeverity>0</p:PerceivedSeverity>]] ..
    [[<p:error_Category>0</p:error_Category><p:error_Code>%d</p:error_Code>]] ..
    [[<p:error_Type>HRESULT</p:error_Type>]] ..
    [[<p:error_WindowsErrorMessage>%s</p:error_WindowsErrorMessage></p:MSFT_WmiError>]]):format(
    uri, CIM_STATUS[fault.hresult] or 1, xml.escape(fault.text), fault.hresult, fault.hresult,
    xml.escape(fault.text))
end

local function wsman_fault(code, machine, text, provider)
  return ([[<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" ]] ..
    [[Code="%d" Machine="%s"><f:Message>%s</f:Message></f:WSManFault>]]):format(
    code, xml.escape(machine), (provider or "") .. xml.escape(text))
end

local function provider_fault(fault, machine)
  local inner = ([[<f:ProviderFault provider="WMI Provider" ]] ..
    [[path="%%systemroot%%\system32\WsmWmiPl.dll">]] ..
    [[<f:WSManFault Code="%d" Machine="%s"><f:Message>%s HRESULT = 0x%08x </f:Message>]] ..
    [[</f:WSManFault></f:ProviderFault>]]):format(
    fault.hresult, xml.escape(machine), xml.escape(fault.text), fault.hresult)
  local code = fault.hresult == 0x80041003 and 5 or fault.hresult
  return wsman_fault(code, machine,
    ("The WS-Management service cannot process the request. HRESULT = 0x%08x"):format(
      fault.hresult), inner)
end

-- Action, HTTP status and body of the envelope for a fault.
---@param form "wmi"|"wsman" how an HRESULT is told
function M.body(fault, form, machine)
  local entry = fault.entry
  local role, subcode, detail
  if fault.hresult then
    role = "Receiver"
    subcode = fault.hresult == 0x80041003 and "w:AccessDenied" or "w:InternalError"
    detail = form == "wsman" and provider_fault(fault, machine) or wmi_error(fault)
  else
    role, subcode = entry[2], entry[3]
    detail = (entry[4] and "<w:FaultDetail>" .. entry[4] .. "</w:FaultDetail>" or "") ..
      wsman_fault(entry[1], machine, fault.text)
  end
  local body = ("<s:Fault><s:Code><s:Value>s:%s</s:Value>%s</s:Code>" ..
    [[<s:Reason><s:Text xml:lang="en-US">%s</s:Text></s:Reason>]] ..
    "<s:Detail>%s</s:Detail></s:Fault>"):format(
    role, subcode and "<s:Subcode><s:Value>" .. subcode .. "</s:Value></s:Subcode>" or "",
    xml.escape(fault.text), detail)
  return ACTIONS[subcode and subcode:sub(1, 1) or "w"], fault.name == "bad_xml" and 400 or 500, body
end

return M
