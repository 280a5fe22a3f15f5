-- Lists what ExpEther Manager knows. The password is the secret "eem", here from the environment.
--   TAKEOVER_SECRET_EEM=... takeover run devices.lua http://192.168.0.150:30500/eem admin
local eem = require("eem")
local secret = require("secret")

local url, user = ...
local manager = eem.open({ url = url, user = user, password = secret.resolve("eem") })
print("ExpEther Manager " .. manager:version())
for _, device in ipairs(manager:devices()) do
  print(("%s  %-5s  group %4d  power %-3s  link %s"):format(device.id, device.kind,
    device.group_id, device.power, device.link))
end
manager:close()
