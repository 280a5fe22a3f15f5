-- WMI object paths: [\\HOST\namespace:]Class.Key="value",Key2="value". In values, \ and " are
-- escaped by \.
local M = {}

---@param ref { class: string, keys: table<string, string> }
---@param host string?
---@param namespace string? "root/virtualization/v2"
---@return string
function M.format(ref, host, namespace)
  local names = {}
  for name in next, ref.keys do
    names[#names + 1] = name
  end
  table.sort(names)
  local parts = {}
  for i, name in ipairs(names) do
    local value = tostring(ref.keys[name]):gsub('[\\"]', "\\%0")
    parts[i] = name .. '="' .. value .. '"'
  end
  local path = ref.class .. "." .. table.concat(parts, ",")
  if host then
    path = "\\\\" .. host .. "\\" .. namespace:gsub("/", "\\") .. ":" .. path
  end
  return path
end

local function parse_keys(text)
  local keys, at = {}, 1
  while at <= #text do
    local name, after = text:match("^%s*([%w_]+)%s*=%s*()", at)
    if not name then
      return nil
    end
    local quote = text:sub(after, after)
    local value
    if quote == '"' or quote == "'" then
      local stop = after + 1
      local parts = {}
      while true do
        local plain, mark, following = text:match("^([^\\\"']*)([\\\"'])()", stop)
        if not plain then
          return nil
        end
        parts[#parts + 1] = plain
        if mark == "\\" then
          parts[#parts + 1] = text:sub(following, following)
          stop = following + 1
        elseif mark == quote then
          stop = following
          break
        else
          parts[#parts + 1] = mark
          stop = following
        end
      end
      value, at = table.concat(parts), stop
    else
      value, at = text:match("^([^,]*)()", after)
    end
    keys[name] = value
    at = text:match("^%s*,?()", at)
  end
  return keys
end

---@return table? path class, keys, host, namespace; nil: not a path
function M.parse(text)
  local host, namespace, rest = text:match("^[\\/][\\/]([^\\/]+)[\\/]([^:]+):(.*)$")
  if not host then
    namespace, rest = text:match("^([^:.\"]+):(.*)$")
    rest = rest or text
  end
  local class, keys_text = rest:match("^([%w_]+)%.(.*)$")
  local keys
  if class then
    keys = parse_keys(keys_text)
  else
    class, keys = rest:match("^([%w_]+)=@$") or rest:match("^([%w_]+)$"), {}
  end
  if not class or not keys then
    return nil
  end
  return { class = class, keys = keys, host = host, namespace = namespace
    and namespace:gsub("\\", "/") }
end

return M
