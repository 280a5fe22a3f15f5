story "An old script's fault: a node without a group id is a mistake in the parameters, found before anything"

local parameters = require("failover.parameters")
local _, mistakes = parameters.check([[
return {
  eem = { url = "http://192.168.0.150:30500/eem", auth = "none" },
  nodes = { ms1 = { group_id = "" }, ms2 = {} },
  vms = { vme2 = { path = "G:\\vme2", gpus = { { id = "0x8cdf9d911c60" } } } },
}
]], "parameters.lua")
if #mistakes ~= 2 or not mistakes[1].text:find("parameters.lua:3: nodes.ms1.group_id", 1, true) then
  fail("an empty group id was not found: %s", mistakes[1] and mistakes[1].text or "no mistake")
end
