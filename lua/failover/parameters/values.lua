-- The kinds of values that parameters.lua is made of: addresses, ids, digits, labels, folders. Each
-- is brought into one spelling, so that nothing else has to compare spellings.
local schema = require("failover.parameters.schema")

local M = {}

local quad = ("%x"):rep(4)

M.url = schema.pattern("^https?://[^%s/]+",
  'an address as in "http://192.168.0.150:30500/eem"')

M.device_id = schema.pattern("^0[xX]" .. ("%x"):rep(12) .. "$",
  'an EEM device id as in "0x8cdf9d911c60" (0x and twelve hexadecimal digits)', string.lower)

M.four_digits = schema.pattern("^0?[xX]?" .. quad .. "$", 'four hexadecimal digits as in "10de"',
  function(value)
    return value:sub(-4):lower()
  end)

M.guid = schema.pattern(
  "^{?" .. table.concat({ quad .. quad, quad, quad, quad, quad .. quad .. quad }, "%-") .. "}?$",
  'a GUID as in "1D9C7F2A-3B4E-4C5D-8E6F-0A1B2C3D4E5F"',
  function(value)
    return (value:upper():gsub("[{}]", ""))
  end)

local class_text = 'two, four or six hexadecimal digits as in "03", "0302" or "030200"'
local six_digits = schema.pattern("^%x%x%x?%x?%x?%x?$", class_text, string.lower)

-- A PCI class, or the beginning of one: base class, sub-class, interface.
function M.class(value, path, report)
  value = six_digits(value, path, report)
  if value and #value % 2 == 1 then
    return report(path, "must be " .. class_text)
  end
  return value
end

local label_value = schema.text()

M.labels = schema.map(schema.text(), function(value, path, report)
  if type(value) == "number" or type(value) == "boolean" then
    return tostring(value)
  end
  return label_value(value, path, report)
end)

local folder_text = schema.text()

-- A folder on a node, in Windows' spelling, without a separator at its end.
function M.folder(value, path, report)
  value = folder_text(value, path, report)
  if not value then
    return nil
  end
  value = value:gsub("/", "\\")
  if not (value:find("^%a:\\") or value:find("^\\\\[^\\]+\\[^\\]+")) then
    return report(path, "must be a whole path as in [[G:\\Hyper-V\\vme2]]")
  end
  return value:find("^%a:\\$") and value or (value:gsub("\\+$", ""))
end

local MIB = 2 ^ 20
local mebibytes = { MiB = 1, GiB = 1024 }
local size_text = schema.size()

-- A size with a unit, as a number of bytes: for what is compared.
function M.bytes(value, path, report)
  value = size_text(value, path, report)
  if not value then
    return nil
  end
  local number, unit = value:match("^(%d+)(%a+)$")
  return math.tointeger(tonumber(number) * mebibytes[unit] * MIB)
end

-- The other way, for people.
---@param bytes integer
function M.size_of(bytes)
  local whole = math.tointeger(bytes / MIB)
  if not whole then
    return ("%d bytes"):format(bytes)
  end
  return whole % 1024 == 0 and ("%dGiB"):format(whole // 1024) or ("%dMiB"):format(whole)
end

return M
