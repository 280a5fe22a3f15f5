-- The least that our program does for a request: start up, load eem, ask for the version.
local eem = require("eem")

local manager <close> = eem.open({ url = (...), timeout = 5 })
print(manager:version())
