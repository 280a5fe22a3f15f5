-- What commands share: finding and loading the parameters, this node's name, directories, the log,
-- the lock of a virtual machine, the journal, and the context that steps get.
local failure = require("failure")
local output = require("cli.output")

local M = {}

local Session = {}
Session.__index = Session

-- Unset and empty are the same.
local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function state_directory(arguments, parameters)
  return arguments.state or environment("TAKEOVER_STATE") or (parameters and parameters.state)
    or require("loop").state_directory()
end

-- nil when there is none and `may_miss`.
local function find_parameters(arguments, may_miss)
  local fs = require("fs")
  local named = arguments.parameters or environment("TAKEOVER_PARAMETERS")
  if named then
    if not fs.find(named) then
      failure.raise({
        code = "CONFIG",
        message = "there is no parameters file " .. named,
        hint = "--parameters FILE or TAKEOVER_PARAMETERS names it; see examples/parameters.lua",
      })
    end
    return named
  end
  local places = { "parameters.lua", state_directory(arguments) .. "/parameters.lua" }
  for _, place in ipairs(places) do
    if fs.find(place) then
      return place
    end
  end
  if may_miss then
    return nil
  end
  failure.raise({
    code = "CONFIG",
    message = "there is no parameters file: neither ./parameters.lua nor " .. places[2],
    hint = "name it by --parameters FILE or TAKEOVER_PARAMETERS; see examples/parameters.lua",
  })
end

local function configure_log(arguments, parameters)
  local wanted = parameters and parameters.log or {}
  local file = arguments.log_file or wanted.file
  local level = arguments.log_level or wanted.level
  local explicit = arguments.log_level or arguments.log_format or wanted.format or wanted.level
  require("log").configure({
    file = file,
    level = level or (explicit and "info") or (file and "info") or "warn",
    format = arguments.log_format or wanted.format,
    quiet = file and not explicit or false,
    colour = require("loop").is_terminal(2),
  })
end

local function first_part(name)
  return name:lower():match("^[^.]+") or name:lower()
end

local function node_name(arguments, parameters)
  local schema = require("failover.parameters.schema")
  local known = schema.sorted_keys(parameters.nodes)
  local named = arguments.node or environment("TAKEOVER_NODE")
  if named then
    for _, name in ipairs(known) do
      if name:lower() == named:lower() then
        return name
      end
    end
    failure.raise({
      code = "CONFIG",
      message = ("there is no node %s in %s%s"):format(named, parameters.file,
        schema.suggestion(named, known)),
    })
  end
  local host = first_part(require("loop").hostname())
  for _, name in ipairs(known) do
    if first_part(name) == host then
      return name
    end
  end
  failure.raise({
    code = "CONFIG",
    message = ("this host is called %s, which is none of the nodes in %s (%s)"):format(host,
      parameters.file, table.concat(known, ", ")),
    hint = "say which node this is: --node NAME or TAKEOVER_NODE",
  })
end

-- Loads the parameters and prepares the log. Raises CONFIG and the failures of parameters.load.
---@param arguments table parsed command line
---@param program table
---@return Session
function M.open(arguments, program)
  configure_log(arguments)
  local parameters = require("failover.parameters").load(find_parameters(arguments), {
    trust_writable_files = arguments.trust_writable_files,
  })
  local state = state_directory(arguments, parameters)
  parameters.state = state
  parameters.secrets = parameters.secrets or state .. "/secrets"
  parameters.journal = parameters.journal or state .. "/journal.db"
  configure_log(arguments, parameters)
  output.adapt(arguments, parameters.console)
  local ecx = require("ecx").environment()
  if arguments.event then
    ecx.event = arguments.event
  end
  return setmetatable({
    arguments = arguments, program = program, parameters = parameters, state = state, ecx = ecx,
  }, Session)
end

-- The directory of the secrets, and the parameters, where there are any: secrets may be set before
-- they are written.
---@return string directory, table? parameters
function M.secrets(arguments, program)
  if not find_parameters(arguments, true) then
    configure_log(arguments)
    return state_directory(arguments) .. "/secrets"
  end
  local parameters = M.open(arguments, program).parameters
  return parameters.secrets, parameters
end

-- This node's name; raises CONFIG when it cannot be told.
---@return string
function Session:node()
  if not self.node_name then
    self.node_name = node_name(self.arguments, self.parameters)
  end
  return self.node_name
end

-- The parameters of a virtual machine; raises CONFIG with the nearest name.
function Session:vm(name)
  local vm = self.parameters.vms[name]
  if not vm then
    local schema = require("failover.parameters.schema")
    failure.raise({
      code = "CONFIG",
      message = ("there is no virtual machine %s in %s%s"):format(name, self.parameters.file,
        schema.suggestion(name, schema.sorted_keys(self.parameters.vms))),
    })
  end
  return vm
end

local function refuse_unsafe(path, judge)
  local reason = require("fs").unsafe(path, judge)
  if reason then
    failure.raise({
      code = "FS_UNSAFE",
      message = ("%s may be changed by others: %s"):format(path, reason),
      hint = "take the write permission away, or use --trust-writable-files",
      target = path,
    })
  end
end

-- Refuses a folder in which others may change a file, at any depth.
local function refuse_unsafe_below(path)
  local fs = require("fs")
  refuse_unsafe(path, "code")
  for _, name in ipairs(fs.list(path)) do
    local entry = path .. "/" .. name
    local found = fs.find(entry)
    if found and found.kind == "directory" then
      refuse_unsafe_below(entry)
    elseif name:find("%.lua$") then
      refuse_unsafe(entry, "code")
    end
  end
end

-- A sequence by name. Neither its file, nor the steps and whatever else it uses, nor the folders
-- that Lua files come from may be writable by others: they run with the rights of whoever starts
-- us.
function Session:sequence(name)
  if not self:trusts() then
    for _, root in ipairs(self.program.roots) do
      if require("fs").find(root) then
        refuse_unsafe(root, "code")
      end
      for _, part in ipairs({ "/failover", "/host" }) do
        if require("fs").find(root .. part) then
          refuse_unsafe_below(root .. part)
        end
      end
    end
    refuse_unsafe(package.searchpath("failover.sequences." .. name, package.path), "code")
  end
  local certificate = require("failover.safety.certificate")
  local warning = certificate.apply(self.parameters.certificate, self.state,
    self.program.roots)
  if warning then
    output.complain(output.paint("warning: ", "yellow") .. warning)
    require("log").warn(warning)
  end
  return require("failover").load_sequence(name)
end

local NAME_MAX = 120 -- bytes of a file's name that come from elsewhere

local function encoded(char)
  return ("%%%02X"):format(char:byte())
end

-- A name as a file name: what could lead elsewhere is percent-encoded, also what is a device to
-- Windows (NUL, COM1); a long one ends with its digest.
local function file_name(name)
  local file = name:gsub("[^%w%-_\x80-\xff]", encoded)
  local base = file:lower()
  if ({ con = true, prn = true, aux = true, nul = true })[base] or base:find("^com%d$")
    or base:find("^lpt%d$") then
    file = encoded(file) .. file:sub(2)
  end
  if #file > NAME_MAX then
    file = file:sub(1, NAME_MAX):gsub("%%%x?$", "") .. "-" .. require("digest").sha256(name)
  end
  return file
end
M.file_name = file_name

-- Files that others may change are accepted.
function Session:trusts()
  return self.arguments.trust_writable_files or self.parameters.trust_writable_files or false
end

-- A folder of the state: for the running user alone, and nobody else may exchange it.
function Session:private_directory(path)
  local fs = require("fs")
  if self:trusts() then
    fs.make_directory(path)
    return
  end
  if not fs.find(self.state) then
    fs.private_directory(self.state)
  end
  fs.private_directory(path)
end

local function state_failed(failed)
  return failure.new({
    code = "JOURNAL_FAILED",
    message = "the state directory cannot be used: " .. failed.message,
    target = failed.target,
    hint = failed.code == "FS_UNSAFE" and failed.hint
      or "it must exist and be writable; another one: --state DIR",
  })
end

-- Who we are, for whoever finds the lock held: a line for people, a line for programs.
local function lock_text(command, vm, node)
  local pid = require("loop").pid()
  return ("takeover %s %s on %s, process %d, since %s\ncommand=%s pid=%d started=%d\n"):format(
    command, vm, node, pid, os.date("%Y-%m-%d %H:%M:%S"), command, pid,
    require("process").started(pid) or 0)
end

---@return Holder
local function holder_of(text)
  local line, fields = text:match("^([^\n]*)\n?(.*)$")
  return {
    text = line, key = text, command = fields:match("command=(%a+)"),
    pid = math.tointeger(fields:match("pid=(%d+)")),
    started = math.tointeger(fields:match("started=(%d+)")),
  }
end

-- Asks a run to end. False when it has ended; that its number may belong to another process by now
-- is seen by when that one started. Nil when it cannot be asked: it is waited for, like any other.
---@param holder Holder
---@return boolean?
local function ask(holder)
  if not holder.pid or not holder.started or holder.started == 0 then
    return nil
  end
  local ok, sent = require("loop").guard(require("process").signal, holder.pid, holder.started,
    "TERM")
  if not ok then
    require("log").warn("cannot ask a run to give way", { failure = tostring(sent) })
    return nil
  end
  require("log").info(sent and "asked a run to give way" or "a run that has the lock has ended",
    { run = holder.text })
  return sent
end

-- Takes the lock of a virtual machine; raises BUSY when somebody else has it for longer than `wait`
-- seconds, or, where a start must give way to us, for longer than `patience` seconds.
---@param wait number
---@param patience number
---@return table lock, string? waited what was waited for, in words
function Session:lock(command, vm, wait, patience)
  local fs, loop, scheduler = require("fs"), require("loop"), require("core.scheduler")
  local directory = self.state .. "/locks"
  local made, failed = loop.guard(self.private_directory, self, directory)
  if not made then
    error(state_failed(failed), 0)
  end
  local path, text = directory .. "/" .. file_name(vm), lock_text(command, vm, self:node())
  return require("failover.safety.run_lock").take({
    command = command, vm = vm, wait = wait, patience = patience,
    now = scheduler.now, sleep = scheduler.sleep, ask = ask,
    try = function()
      local ok, lock, holder = loop.guard(fs.lock, path, text)
      if not ok then
        error(state_failed(lock), 0)
      end
      return lock, holder and holder_of(holder)
    end,
    say = function(what)
      require("log").info(what)
      output.progress(what)
    end,
  })
end

-- The journal. Raises JOURNAL_FAILED.
function Session:journal(read_only)
  local fs, path = require("fs"), self.parameters.journal
  local directory = path:match("^(.*)[/\\]") or "."
  if not self:trusts() then
    local safe, failed = require("loop").guard(function()
      if directory == self.state and not fs.find(directory) and not read_only then
        fs.private_directory(directory)
      elseif fs.find(directory) then
        refuse_unsafe(directory)
      end
    end)
    if not safe then
      failure.raise({
        code = "JOURNAL_FAILED", message = "the journal cannot be used: " .. failed.message,
        target = path, hint = failed.hint,
      })
    end
  end
  return require("journal").open({ path = path, read_only = read_only or false })
end

-- Locks of devices against other runs on this node; they end with the process.
---@return Claims
function Session:claims(vm)
  local fs, directory = require("fs"), self.state .. "/claims"
  return {
    take = function(id)
      self:private_directory(directory)
      local lock, holder = fs.lock(directory .. "/" .. file_name(id), lock_text("start", vm,
        self:node()))
      return lock, holder and holder_of(holder).text
    end,
  }
end

-- The context that steps get.
function Session:context(vm, options)
  options = options or {}
  return require("failover.engine.context").open({
    parameters = self.parameters,
    vm = vm,
    node = options.node or self:node(),
    evidence = self.arguments.evidence,
    ecx = self.ecx,
    cluster = require("failover.cluster").detect(self.arguments.cluster),
    journal = options.journal,
    record = self.parameters.record,
    quarantine = require("failover.devices.quarantine").in_directory(self.state),
    claims = vm and self:claims(vm) or nil,
  })
end

return M
