-- count.lua OPTIONS WQL: prints how many objects a query gives.
local connection <close> = require("wmi").open(require("json").decode(arg[1]))
print(#connection:query(arg[2]))
