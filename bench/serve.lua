-- A server that answers at once, for bench/run: prints its URL, serves until it is stopped.
local httpd = require("httpd")
local scheduler = require("core.scheduler")

local server = httpd.listen({
  handler = function()
    return {
      status = 200,
      headers = { ["Content-Type"] = "application/json" },
      body = '{"version_number": "1.0"}',
    }
  end,
})
print(("http://127.0.0.1:%d/eem"):format(server:port()))
io.stdout:flush()
scheduler.sleep(3600)
