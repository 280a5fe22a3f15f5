-- A site for specs that run the real program: a lab in a process of its own, a directory with
-- parameters, secrets and a state directory for each node, and commands as processes.
--
--   local site = require("support.site").open { latency = { boot = 0.02 } }
--   local result = site:run({ "start", "vme2" }, { node = "ms1" })      -- { code, stdout, stderr }
--
-- Options are those of lab.server.start, and env: of the lab and of the commands.
-- site.lab is the lab (support/lab.lua), site.admin its client.
local assert = require("luassert")
local folder = require("cli.folder")
local fs = require("fs")
local lab = require("support.lab")
local process = require("process")
local scheduler = require("core.scheduler")

local M = {}

M.GPU, M.USER, M.PASSWORD = "0x8cdf9d911c60", "operator", "ex7raordinary-secre7"
M.BASE64 = "b3BlcmF0b3I6ZXg3cmFvcmRpbmFyeS1zZWNyZTc=" -- of operator:ex7raordinary-secre7

-- The running program, unless told otherwise: by its path, since others may start it, too.
M.PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target
local LONGEST = 60 -- seconds that a command may take before the spec gives it up
local LOOK_EVERY = 0.003 -- seconds

-- The parts of parameters.lua that a spec may replace: texts of Lua.
local PARTS = {
  eem_url = nil, ms1_url = nil, ms2_url = nil,
  eem = 'user = "' .. M.USER .. '", password = secret "lab"',
  wmi = 'user = "' .. M.USER .. '", password = secret "lab", auth = "basic"',
  gpu = 'id = "' .. M.GPU .. '"',
  vm = "",
  more = "",
  ms1_group = "50",
}

local PARAMETERS = [[
return {
  eem = { url = "%(eem_url)", %(eem) },
  wmi = { %(wmi) },
  nodes = {
    ms1 = { group_id = %(ms1_group), wmi = { url = "%(ms1_url)" } },
    ms2 = { group_id = 150, wmi = { url = "%(ms2_url)" } },
  },
  devices = { ["0x8cdf9d911c60"] = { name = "gpu1", vendor = "10de", device = "1f08" } },
  vms = {
    vme2 = {
      path = [=[G:\Hyper-V\vme2]=], gpus = { { %(gpu) } },
      mmio = { low = "3GiB", high = "33280MiB" }, %(vm)
    },
  },
  %(more)
}
]]

local Site = {}
Site.__index = Site

-- Every file below a directory, as a map from path to content.
function M.files_below(path, found)
  found = found or {}
  local entry = fs.find(path)
  if entry and entry.kind == "directory" then
    for _, name in ipairs(fs.list(path)) do
      M.files_below(path .. "/" .. name, found)
    end
  elseif entry and entry.kind == "file" then
    found[path] = fs.read(path)
  end
  return found
end

-- The password of the site is a canary: it is in nothing that the program wrote, nor as base64.
local function betrays(text)
  for _, form in ipairs({ M.PASSWORD, M.BASE64 }) do
    if text:find(form, 1, true) then
      return true
    end
  end
  return false
end

---@param options table? of lab.server.start; user and password are set here
function M.open(options)
  local given = { process = true, user = M.USER, password = M.PASSWORD }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  local self = setmetatable({ directory = os.tmpname(), lab_options = given }, Site)
  os.remove(self.directory)
  fs.make_directory(self.directory)
  self.lab = lab.start(given)
  self.admin = self.lab.admin
  self:parameters()
  for _, node in ipairs({ "ms1", "ms2" }) do
    self:write(node .. "/secrets/lab", M.PASSWORD, { mode = "0600" })
  end
  return self
end

function Site:write(name, text, options)
  local path = self.directory .. "/" .. name
  self.told = self.told or {} -- files that the test itself gave the password to
  self.told[path] = self.told[path] or text:find(M.PASSWORD, 1, true) ~= nil
  fs.make_directory(path:match("^(.*)/"))
  fs.write(path, text, options)
  return path
end

-- Writes parameters.lua; `parts` replaces some of PARTS.
function Site:parameters(parts)
  local all = {
    eem_url = self.lab.eem_url, ms1_url = self.lab.nodes.ms1.url, ms2_url = self.lab.nodes.ms2.url,
  }
  for _, from in ipairs({ PARTS, parts or {} }) do
    for name, text in pairs(from) do
      all[name] = text
    end
  end
  return self:write("parameters.lua", (PARAMETERS:gsub("%%%(([%w_]+)%)", all)))
end

local function options_for(self, arguments, options)
  local node = options.node or "ms1"
  local given = {
    M.PROGRAM,
    env = {
      TAKEOVER_PARAMETERS = self.directory .. "/parameters.lua", TAKEOVER_NODE = node,
      TAKEOVER_STATE = options.state or self.directory .. "/" .. node, TAKEOVER_SECRET_LAB = false,
      CLP_EVENT = false, CLP_DISK = false,
    },
  }
  if options.lua_path then
    given[#given + 1] = "--lua-path"
    given[#given + 1] = options.lua_path
  end
  for _, env in ipairs({ self.lab_options.env or {}, options.env or {} }) do
    for name, value in pairs(env) do
      given.env[name] = value
    end
  end
  return table.move(arguments, 1, #arguments, #given + 1, given)
end

-- Runs a command to its end. options: node ("ms1"), env, lua_path, state, through (a program and
-- arguments that start it), timeout, max_output.
---@return { code: integer, stdout: string, stderr: string }
function Site:run(arguments, options)
  options = options or {}
  local given = options_for(self, arguments, options)
  given.timeout, given.max_output = options.timeout or LONGEST, options.max_output
  for i, word in ipairs(options.through or {}) do
    table.insert(given, i, word)
  end
  local result = process.run(given)
  assert.is_false(result.timed_out, table.concat(arguments, " ") .. " does not end")
  assert.is_false(betrays(result.stdout .. result.stderr), "the password is in what was printed")
  return result
end

-- Starts a command and goes on.
function Site:start(arguments, options)
  options = options or {}
  local given = options_for(self, arguments, options)
  given.stdout, given.stderr = options.stdout or "discard", options.stderr or "discard"
  return process.start(given)
end

-- A new world in the lab, without faults.
function Site:reset(options)
  local given = {}
  for _, name in ipairs({ "latency", "switches", "vms", "nodes", "devices" }) do
    given[name] = options and options[name] or self.lab_options[name]
  end
  self.admin:reset(given)
end

-- The true state of vme2.
function Site:vm(truth)
  for _, vm in ipairs((truth or self.admin:truth()).vms) do
    if vm.name == "vme2" then
      return vm
    end
  end
end

-- The true state of the worked example's GPU.
function Site:gpu(truth)
  for _, device in ipairs((truth or self.admin:truth()).devices) do
    if device.id == M.GPU then
      return device
    end
  end
end

-- Changes that somebody made through an interface, as text lines; what happens by itself is none.
-- Several values that one call writes are one change.
---@return string[]
function Site:changes(truth)
  local made, last = {}, {}
  for _, change in ipairs((truth or self.admin:truth()).changes) do
    local text = ("%s %s %s"):format(change.where, change.verb, change.target)
    local same = change.time == last.time and text == last.text
    if not same and (change.by == "eem" or change.by:find("^wmi ")) then
      made[#made + 1] = text
    end
    last = { time = change.time, text = text }
  end
  return made
end

-- The number of calls that a rule of the lab has matched so far.
function Site:seen(id)
  for _, rule in ipairs(self.admin:request("GET", "faults").faults) do
    if rule.id == id then
      return rule.seen
    end
  end
  return 0
end

function Site:close()
  self.lab:stop()
  local betrayed = {}
  for path, text in pairs(M.files_below(self.directory)) do
    if betrays(text) and not (self.told or {})[path] then
      betrayed[#betrayed + 1] = path
    end
  end
  folder.remove(self.directory)
  assert.are.same({}, betrayed, "the password is in files")
end

-- Waits until a condition holds; gives what it gave, or nil after a long time.
function M.wait_until(condition, longest)
  local deadline = scheduler.now() + (longest or LONGEST)
  repeat
    local result = condition()
    if result then
      return result
    end
    scheduler.sleep(LOOK_EVERY)
  until scheduler.now() > deadline
  return nil
end

function M.contains(text, piece)
  assert.is_truthy(text:find(piece, 1, true), ("%q is not in:\n%s"):format(piece, text))
end

return M
