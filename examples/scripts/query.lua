-- Asks a host's WMI and prints every property of every row.
--   TAKEOVER_SECRET_WMI=... takeover run query.lua http://ms1:5985/wsman takeover@EXAMPLE.COM \
--     root/cimv2 "SELECT Caption, LocalDateTime FROM Win32_OperatingSystem"
local secret = require("secret")
local wmi = require("wmi")

local url, user, namespace, wql = ...
local connection = wmi.open({
  url = url, user = user, password = secret.resolve("wmi"), namespace = namespace,
})
for _, row in ipairs(connection:query(wql)) do
  for name, value in pairs(row) do
    if name:sub(1, 2) ~= "__" then
      print(name, value)
    end
  end
end
connection:close()
