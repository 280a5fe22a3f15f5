-- The child of support/lab.lua: a lab with the options given as JSON, that ends when its parent
-- does.
local json = require("json")
local main = require("lab.main")
local scheduler = require("host.scheduler")

local options, parent = ...

scheduler.spawn(function()
  while true do
    scheduler.sleep(0.5)
    local file = io.open("/proc/" .. parent .. "/stat")
    if not file then
      os.exit(1)
    end
    file:close()
  end
end)

return main.serve(json.decode(options))
