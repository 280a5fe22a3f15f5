-- A proxy that writes down every request which passes it, so that bench/start can have the very
-- same work done by a shell script and by Python:
--
--   takeover run bench/record.lua DIRECTORY URL ...
--
-- prints one URL of its own for each given one, then serves until it is stopped. DIRECTORY gets,
-- for the Nth request, N.body, N.headers and one line in `calls`: method, which URL (1 is the
-- first), path with query, N.
local fs = require("fs")
local http = require("http")
local httpd = require("httpd")
local scheduler = require("core.scheduler")

local directory, urls = (...), { select(2, ...) }
local client = http.open({ timeout = 60, insecure = true })
local count = 0
local calls = assert(io.open(directory .. "/calls", "w"))

-- Those that belong to one connection, or that every client writes for itself.
local own = {
  ["host"] = true,
  ["connection"] = true,
  ["content-length"] = true,
  ["accept-encoding"] = true,
  ["expect"] = true,
  ["user-agent"] = true,
}

local function encode(text)
  return (text:gsub("[^%w%-._~]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

local function target(request)
  local parts = {}
  for name, value in pairs(request.query or {}) do
    parts[#parts + 1] = encode(name) .. "=" .. encode(value)
  end
  table.sort(parts)
  local path = request.path:gsub("[^/]+", encode)
  return path .. (#parts > 0 and "?" .. table.concat(parts, "&") or "")
end

local function record(request, which, path, headers)
  count = count + 1
  local base = ("%s/%04d"):format(directory, count)
  local lines = {}
  for name, value in pairs(headers) do
    lines[#lines + 1] = name .. ": " .. value .. "\n"
  end
  table.sort(lines)
  fs.write(base .. ".headers", table.concat(lines))
  fs.write(base .. ".body", request.body or "")
  calls:write(("%s %d %s %04d\n"):format(request.method, which, path, count))
  calls:flush()
end

local function forward(request, which, origin)
  local headers, path = {}, target(request)
  for name, value in pairs(request.headers) do
    if not own[name] then
      headers[name] = value
    end
  end
  record(request, which, path, headers)
  local body = request.body ~= "" and request.body or nil
  local answer, word, message = client:request(request.method, origin .. path,
    { headers = headers, body = body })
  if not answer then
    return { status = 502, headers = {}, body = word .. ": " .. message }
  end
  return {
    status = answer.status,
    headers = { ["Content-Type"] = answer.content_type },
    body = answer.body,
  }
end

for which, url in ipairs(urls) do
  local origin, path = url:match("^(%a+://[^/]+)(.*)$")
  local server = httpd.listen({
    handler = function(request)
      return forward(request, which, origin)
    end,
  })
  print(("http://127.0.0.1:%d%s"):format(server:port(), path))
end
io.stdout:flush()
scheduler.sleep(3600)
