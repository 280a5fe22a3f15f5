-- Starts a lab for a spec, in two ways:
--
--   local lab = require("support.lab").start { latency = 0, user = "admin", password = "secret" }
--   local lab = require("support.lab").start { process = true, ... }     -- a process of its own
--
-- Both give the same: lab.eem (options for eem.open), lab.wmi.<node> (options for wmi.open),
-- lab.eem_url, lab.nodes.<node>.url, lab.admin (lab/client.lua), lab:stop(). In process, lab.server
-- is the server and lab.server.world its world; as a process, lab.process is the child. Options are
-- those of lab.server.start, except that a process takes only what JSON can carry; latency is 0
-- unless given, and nodes without power refuse connections. env: of the process.
local client = require("lab.client")
local json = require("json")
local loop = require("loop")

local M = {}

local Lab = {}
Lab.__index = Lab

local function fill(lab, addresses, options)
  lab.eem_url, lab.admin_url, lab.nodes = addresses.eem, addresses.admin, addresses.nodes
  lab.eem = { url = addresses.eem, user = options.user, password = options.password, timeout = 10 }
  lab.wmi = {}
  local through_com = os.getenv("TAKEOVER_TEST_TRANSPORT") == "com"
  for name, node in pairs(addresses.nodes) do
    lab.wmi[name] = {
      user = options.user, password = options.password, timeout = 10,
      auth = options.user and options.auth ~= "negotiate" and "basic" or nil,
      namespace = "root/virtualization/v2",
    }
    if through_com then -- under Wine; the test provider finds the lab by such a host
      lab.wmi[name].transport = "dcom"
      lab.wmi[name].host = name .. "." .. node.url:match(":(%d+)/")
    else
      lab.wmi[name].url = node.url
    end
  end
  lab.admin = client.open(addresses.admin)
  return lab
end

local function start_process(options, env)
  local process = require("process")
  local child = process.start({
    loop.executable(), "run", "tests/spec/support/run_lab.lua", json.encode(options),
    tostring(loop.pid()), env = env,
    stdout = "pipe", stderr = "inherit",
  })
  local line, why = child:read_line({ timeout = 10 })
  if not line then
    child:close()
    error("the lab's process says nothing" .. (why and " (" .. why .. ")" or ""), 0)
  end
  return fill(setmetatable({ process = child }, Lab), json.decode(line), options)
end

function M.start(options)
  options = options or {}
  local plain = {}
  for name, value in pairs(options) do
    plain[name] = value
  end
  plain.process, plain.env = nil, nil
  -- Silence takes real time: a node without power refuses, unless a spec wants it otherwise.
  local switches = { dead_nodes = "refused" }
  for name, value in pairs(options.switches or {}) do
    switches[name] = value
  end
  plain.switches = switches
  if plain.latency == nil then
    plain.latency = 0
  end
  if options.process then
    return start_process(plain, options.env)
  end
  local server = require("lab.server").start(plain)
  return fill(setmetatable({ server = server }, Lab), server:addresses(), plain)
end

-- Stopping twice is harmless.
function Lab:stop()
  if self.server then
    self.server:close()
  elseif self.process then
    if pcall(self.admin.quit, self.admin) then
      self.exit = self.process:wait(5)
    end
    self.process:close()
  end
  self.server, self.process = nil, nil
  self.admin:close()
end

return M
