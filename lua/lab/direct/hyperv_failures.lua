-- What Hyper-V's failures mean: natives/hyperv/hyperv_errors.c and the return values of
-- natives/wmi/wmi_job.c once more, because scenarios and the explorer must see the very codes that
-- the native raises. tests/spec/conformance_spec.lua holds the two together.
local calls = require("lab.direct.calls")
local failure = require("failure")

local M = {}

-- Kinds of a method, a letter each: S state, I import, P planned, D device, G guest, O other,
-- R the older family of return codes.
local kinds = {
  RequestStateChange = "S", ImportSystemDefinition = "I",
  GetDefinitionFileSummaryInformation = "I", ValidatePlannedSystem = "P",
  RealizePlannedSystem = "P", DismountAssignableDevice = "D", MountAssignableDevice = "D",
  AddResourceSettings = "DR", RemoveResourceSettings = "DR", ModifyResourceSettings = "OR",
  ModifySystemSettings = "OR", DestroySystem = "OR", InitiateShutdown = "G",
}
local FILES, ANY = "IPSO", "SIPDGOR"

-- Kinds, number or part of the message, code: the first rule that fits wins.
local rules = {
  { "S", 0x80070490, "HYPERV_DEVICE_GONE" },
  { "D", 0x80070490, "HYPERV_DEVICE_GONE" },
  { ANY, 0x8007000E, "HYPERV_RESOURCES" },
  { ANY, 0x800705AA, "HYPERV_RESOURCES" },
  { "D", 0x80070020, "HYPERV_IN_USE" },
  { FILES, 0x80070020, "HYPERV_IN_USE" },
  { "I", 0x800700B7, "HYPERV_EXISTS" },
  { "I", 0x80041019, "HYPERV_EXISTS" },
  { "I", 0x80070002, "HYPERV_NO_DEFINITION" },
  { "I", 0x80070003, "HYPERV_NO_DEFINITION" },
  { FILES, 0x80070005, "HYPERV_ACCESS" },
  { "DS", 0xC035001E, "HYPERV_NOT_ASSIGNABLE" },
  { "SOPG", 0x80041002, "HYPERV_VM_NOT_FOUND" },
  { "D", 0x80041002, "HYPERV_DEVICE_GONE" },
  { "D", "os control of the pci express", "HYPERV_NOT_ASSIGNABLE" },
  { "D", "has not supplied any directives", "HYPERV_NOT_ASSIGNABLE" },
  { "D", "not assignable", "HYPERV_NOT_ASSIGNABLE" },
  { "D", "cannot be assigned", "HYPERV_NOT_ASSIGNABLE" },
  { "D", 0x80070032, "HYPERV_NOT_ASSIGNABLE" },
  { "S", "mmio region", "HYPERV_RESOURCES" },
  { "S", "not enough memory", "HYPERV_RESOURCES" },
  { "S", "element not found", "HYPERV_DEVICE_GONE" },
  { "D", "element not found", "HYPERV_DEVICE_GONE" },
  { "S", "access denied", "HYPERV_ACCESS" },
  { "S", "required security settings", "HYPERV_ACCESS" },
  { "I", "already exists", "HYPERV_EXISTS" },
  { "D", "in use", "HYPERV_IN_USE" },
  { ANY, "in use", "HYPERV_IN_USE" },
  { ANY, "being used by another process", "HYPERV_IN_USE" },
  { "I", 32779, "HYPERV_IN_USE" },
  { "P", 32779, "HYPERV_IN_USE" },
  { "G", 32779, "HYPERV_GUEST" },
  { "G", 32780, "HYPERV_GUEST" },
  { "G", 32781, "HYPERV_GUEST" },
  { "G", 32782, "HYPERV_GUEST" },
  { "D", 32770, "HYPERV_NOT_ASSIGNABLE" },
  { "D", 32779, "HYPERV_DEVICE_GONE" },
  { ANY, 32769, "WMI_ACCESS" },
  { ANY, 32774, "HYPERV_IN_USE" },
  { ANY, 4099, "HYPERV_IN_USE" },
  { ANY, 32775, "HYPERV_STATE" },
  { ANY, 4097, "HYPERV_STATE" },
  { "R", 5, "HYPERV_STATE" },
  { ANY, 32778, "HYPERV_RESOURCES" },
}

local words = {
  [1] = "not supported", [2] = "failed", [3] = "timeout", [4] = "invalid parameter",
  [5] = "invalid state", [6] = "incompatible parameters", [4097] = "invalid state transition",
  [4098] = "a timeout parameter is not supported", [4099] = "busy", [32768] = "failed",
  [32769] = "access denied", [32770] = "not supported", [32771] = "status unknown",
  [32772] = "timeout", [32773] = "invalid parameter", [32774] = "the system is in use",
  [32775] = "invalid state for this operation", [32776] = "incorrect data type",
  [32777] = "the system is not available", [32778] = "out of memory",
  [32779] = "file not found or in use",
}
local transient = {
  [3] = true, [5] = true, [4097] = true, [4099] = true, [32772] = true, [32774] = true,
  [32775] = true, [32777] = true,
}
local maybe_done = { [3] = true, [32772] = true }

-- Failures of the way to the host stay what they are.
local answers = {
  WMI_METHOD_FAILED = true, WMI_JOB_FAILED = true, WMI_FAULT = true, WMI_NOT_FOUND = true,
  WMI_BAD_PARAMETER = true,
}

local function share(a, b)
  return a:find("[" .. b .. "]") ~= nil
end

local function fits(rule, failed, kind, message)
  local mark = rule[2]
  if not share(rule[1], kind) then
    return false
  elseif type(mark) == "string" then
    return failed.code ~= "WMI_METHOD_FAILED" and message:find(mark, 1, true) ~= nil
  end
  return failed.hresult == mark
    or mark >= 0x80000000 and message:find(string.format("%08x", mark), 1, true) ~= nil
end

-- The failure that this code is, with the marks of `failed`.
local function as(failed, code)
  local named = failure.new({ code = code, message = failed.message })
  named.hresult, named.http = failed.hresult, failed.http
  named.maybe_executed, named.target = failed.maybe_executed, failed.target
  return named
end
M.as = as

-- Says in Hyper-V's terms what the failure of a method means. Gives the failure to raise.
function M.explain(failed, method, target)
  if not failure.is(failed) then
    return failed
  end
  failed.target = target
  if not answers[failed.code] or failed.code == "WMI_FAULT" and failed.transient then
    return failed -- a fault that passes is no verdict
  end
  local kind, message = kinds[method] or "O", tostring(failed.message):lower()
  for _, rule in ipairs(rules) do
    if fits(rule, failed, kind, message) then
      local named = as(failed, rule[3])
      named.transient = failed.transient or named.transient
      return named
    end
  end
  return kind == "P" and not failed.transient and as(failed, "HYPERV_INVALID") or failed
end

-- A method that returned something else than 0 or "job started".
function M.of_method(method, code)
  local failed = failure.new({
    code = "WMI_METHOD_FAILED",
    message = string.format("%s returned %d%s", method, code,
      words[code] and " (" .. words[code] .. ")" or ""),
    transient = transient[code] or method == "InitiateShutdown" and code == 32780 or false,
  })
  failed.hresult, failed.maybe_executed = code, maybe_done[code]
  return failed
end

-- A job that did not complete.
function M.of_job(method, job)
  local texts = {}
  for i, problem in ipairs(job.errors or {}) do
    texts[i] = problem.text
  end
  local why = #texts > 0 and table.concat(texts, "; ") or job.error_text
  local failed = failure.new({
    code = "WMI_JOB_FAILED",
    message = string.format("the job of %s %s: %s", method,
      job.state == 10 and "failed" or "was stopped", why or "the job tells no reason"),
    transient = transient[job.error_code] or false,
  })
  failed.hresult = job.error_code ~= 0 and job.error_code or nil
  return failed
end

-- An answer that lists less than the host must show.
function M.empty(message, target)
  calls.raise("WMI_EMPTY", message, { target = target })
end

-- For looks and checks.
function M.not_found(id, kind)
  calls.raise("HYPERV_VM_NOT_FOUND",
    string.format("there is no %svirtual machine %s on this host", kind and kind .. " " or "", id),
    { target = id })
end

return M
