-- World errors: how the simulated systems refuse, where the real ones answer with an HRESULT or
-- with an HTTP error. They are raised; a return value (32775, ...) is returned instead, as WMI
-- does.
local M = {}

local Error = { __name = "world error" }

function Error:__tostring()
  if self.http then
    return string.format("HTTP %d, %s: %s", self.http, self.code or "no code", self.text)
  end
  return string.format("HRESULT 0x%08X: %s", self.hresult, self.text)
end

-- WMI's own numbers (docs/facts/hyperv-wmi.md#1.1) and those seen in texts of jobs (section 5).
M.NOT_FOUND = 0x80041002
M.ACCESS_DENIED = 0x80041003
M.FAILED = 0x80041001
M.INVALID_PARAMETER = 0x80041008
M.NOT_SUPPORTED = 0x8004100C
M.INVALID_CLASS = 0x80041010
M.INVALID_METHOD = 0x80041055
M.INVALID_METHOD_PARAMETERS = 0x8004102F

function M.wmi(hresult, format, ...)
  error(setmetatable({ hresult = hresult, text = format:format(...) }, Error), 0)
end

-- EEM: HTTP status and a code of five digits that begins with it.
function M.http(status, code, format, ...)
  error(setmetatable({ http = status, code = code, text = format:format(...) }, Error), 0)
end

function M.is_error(value)
  return getmetatable(value) == Error
end

return M
