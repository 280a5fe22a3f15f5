-- The child of support/lab.lua: a lab with the options given as JSON, that ends when its parent
-- does.
local json = require("json")
local main = require("lab.main")
local process = require("process")
local scheduler = require("core.scheduler")

local options, parent = ...

scheduler.spawn(function()
  while true do
    scheduler.sleep(0.5)
    if not process.started(math.tointeger(parent)) then
      os.exit(1)
    end
  end
end)

return main.serve(json.decode(options))
