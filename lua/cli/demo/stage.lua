-- The demo's stage: a lab in a process of its own, a directory with parameters and secrets for it,
-- and commands run as processes whose lines are shown as they come. Everything is taken down by
-- `close`, whatever happened.
local failure = require("failure")
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local log = require("log")
local loop = require("loop")
local output = require("cli.output")
local process = require("process")
local scheduler = require("core.scheduler")

local M = {}

local LAB_START, LAB_STOP = 10, 3 -- seconds
local COMMAND_MOST = 60 -- seconds that a command may take, before it is killed
local SECRET = "lab-secret-7391" -- of the simulated cluster only

-- Seconds that things take in the simulated cluster: in proportion as real ones, but shorter.
local LATENCY = {
  link = 0.6, unlink = 0.3, enumerate = 0.4, list_lag = 0.2, dismount = 0.3, mount = 0.3,
  assign = 0.2, remove = 0.2, import = 0.4, validate = 0.2, realize = 0.2, destroy = 0.2,
  modify = 0.15, export = 0.5, start = 0.5, turn_off = 0.3, boot = 1, shutdown = 0.6,
  node_boot = 0.8,
}

local PARAMETERS = [[
-- Parameters of the demo's simulated cluster.
return {
  eem = { url = "%s", user = "demo", password = secret "demo" },
  wmi = { user = "demo", password = secret "demo", auth = "basic" },
  nodes = {
    ms1 = { group_id = 50, wmi = { url = "%s" } },
    ms2 = { group_id = 150, wmi = { url = "%s" } },
  },
  devices = {
    ["0x8cdf9d911c60"] = { name = "gpu1", vendor = "10de", device = "1f08" }, -- RTX 2060
  },
  vms = {
    vme2 = {
      path = [=[G:\Hyper-V\vme2]=],
      gpus = { { id = "0x8cdf9d911c60" } },
      mmio = { low = "3GiB", high = "33280MiB" },
    },
  },
}
]]

-- What a real cluster or an administrator's shell may have set, and must not reach the demo.
local FOREIGN = {
  "TAKEOVER_PARAMETERS", "TAKEOVER_NODE", "TAKEOVER_STATE", "TAKEOVER_SECRET_DEMO",
  "CLP_EVENT", "CLP_FACTOR", "CLP_SERVER", "CLP_DISK", "CLP_SCRIPT_PATH", "CLP_PATH", "CLP_OSNAME",
  "CLP_OSVER", "CLP_VERSION_FULL", "CLP_VERSION_MAJOR", "CLP_GROUPNAME", "CLP_RESOURCENAME",
  "CLP_RESNAME", "CLP_PRIORITY", "CLP_LASTACTION", "CLP_SERVER_PREV", "CLP_RESULT", "CLP_TIMING",
  "CLP_EXTINFO", "CLP_ACTION", "CLP_MONITORNAME", "CLP_RECOVERYCOUNT", "CLP_RESTARTCOUNT",
  "CLP_FAILOVERCOUNT",
}

---@class Stage
---@field directory string
---@field lab LabClient
---@field addresses table
local Stage = {}
Stage.__index = Stage

local function temporary_directory()
  local path = os.tmpname()
  os.remove(path)
  path = path .. "-takeover-demo"
  if not fs.make_directory(path) then
    failure.raise({ code = "FS_FAILED", message = path .. " is there already" })
  end
  return path
end

-- Program, the folders where this program looks for Lua files, and a command.
local function command_line(self, arguments)
  local list = { self.program }
  for _, root in ipairs(self.lua_paths) do
    list[#list + 1] = "--lua-path"
    list[#list + 1] = root
  end
  return table.move(arguments, 1, #arguments, #list + 1, list)
end

-- PATH leads nowhere: a real clplogcmd on this computer must not be told of a simulated failover.
local function environment(self, extra)
  local env = { PATH = self.directory }
  for _, name in ipairs(FOREIGN) do
    env[name] = false
  end
  for name, value in pairs(extra or {}) do
    env[name] = value
  end
  return env
end

local function start_lab(self, speed)
  local arguments = { "lab", "--user", "demo", "--password", SECRET,
    "--switch", "dead_nodes=refused" } -- nobody watches a timeout
  for name, seconds in pairs(LATENCY) do
    arguments[#arguments + 1] = "--latency"
    arguments[#arguments + 1] = name .. "=" .. seconds / speed
  end
  local options = command_line(self, arguments)
  options.stdout, options.stderr, options.env = "pipe", "inherit", environment(self)
  self.lab_process = process.start(options)
  local line = self.lab_process:read_line({ timeout = LAB_START })
  if not line then
    failure.raise({ code = "INTERNAL", message = "the lab did not start" })
  end
  self.addresses = json.decode(line)
  self.lab = require("lab.client").open(self.addresses.admin)
end

local function write_files(self)
  for _, node in ipairs({ "ms1", "ms2" }) do
    fs.make_directory(self.directory .. "/" .. node .. "/secrets")
    fs.write(self.directory .. "/" .. node .. "/secrets/demo", SECRET, { mode = "0600" })
  end
  self.parameters = self.directory .. "/parameters.lua"
  fs.write(self.parameters, PARAMETERS:format(self.addresses.eem, self.addresses.nodes.ms1.url,
    self.addresses.nodes.ms2.url))
end

-- Starts the lab and writes what commands need. On failure everything is taken down again.
---@param program table of boot.lua
---@param speed number how many times faster than usual things go in the simulated cluster
---@return Stage
function M.open(program, speed)
  local self = setmetatable({ directory = temporary_directory(), processes = {} }, Stage)
  self.program = loop.executable()
  self.lua_paths = {}
  for _, root in ipairs(program.roots) do
    if root == program.lua_root then
      break
    end
    self.lua_paths[#self.lua_paths + 1] = root
  end
  log.add_secret(SECRET)
  local ok, failed = loop.guard(function()
    start_lab(self, speed)
    write_files(self)
  end)
  if not ok then
    self:close()
    error(failed, 0)
  end
  return self
end

-- Starts a command on a node; its lines are shown as they come.
---@param arguments string[]
---@param node string
---@param extra table<string, string>? environment
---@return table process with field `began`
function Stage:start(arguments, node, extra)
  local colour = output.paint("x", "red") ~= "x" and "always" or "never"
  local options = command_line(self, {
    "--parameters", self.parameters, "--node", node, "--state", self.directory .. "/" .. node,
    "--trust-writable-files", "--colour", colour,
  })
  table.move(arguments, 1, #arguments, #options + 1, options)
  options.stdout, options.stderr, options.env = "pipe", "pipe", environment(self, extra)
  local child = { process = process.start(options), began = loop.now(), readers = {} }
  self.processes[child.process] = true
  for _, which in ipairs({ "stdout", "stderr" }) do
    child.readers[#child.readers + 1] = scheduler.spawn(function()
      while true do
        local line = child.process:read_line({ which = which })
        if not line then
          return
        end
        output.line("  %s %s", output.paint("|", "dim"), line)
      end
    end)
  end
  return child
end

-- Waits for a command's end.
---@return { code: integer?, signal: integer?, took: number }
function Stage:finish(child)
  local result = child.process:wait(COMMAND_MOST)
  if not result then
    child.process:kill("KILL")
    result = child.process:wait(LAB_STOP) or {}
  end
  result.took = loop.now() - child.began
  for _, reader in ipairs(child.readers) do
    scheduler.join(reader)
  end
  self.processes[child.process] = nil
  child.process:close()
  return result
end

-- Ends every process that was started here, and removes the directory.
---@param keep boolean?
function Stage:close(keep)
  for child in pairs(self.processes) do
    child:kill("KILL")
    child:wait(LAB_STOP)
    child:close()
  end
  self.processes = {}
  if self.lab_process then
    self.lab_process:kill("TERM")
    if not self.lab_process:wait(LAB_STOP) then
      self.lab_process:kill("KILL")
      self.lab_process:wait(LAB_STOP)
    end
    self.lab_process:close()
    self.lab_process = nil
  end
  if self.lab then
    self.lab:close()
    self.lab = nil
  end
  if not keep then
    folder.remove(self.directory)
  end
end

return M
