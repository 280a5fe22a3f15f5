-- The child of support/lab.lua: a lab with the options given as JSON.
local json = require("json")
return require("lab.main").run(json.decode((...)))
