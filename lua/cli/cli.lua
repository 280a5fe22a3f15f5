-- The command line: which commands there are, the options of all of them, and help that teaches. A
-- command's module is loaded only when its word is there, so that a start does not pay for the lab.
local argparse = require("argparse")

local M = {}

-- Name and one line each, in the order of the help.
M.commands = {
  { "start", "Makes a virtual machine with its GPU run on this node (for start.bat)" },
  { "stop", "Stops it here and gives the GPU back (for stop.bat)" },
  { "monitor", "Says whether it runs healthily here (for genw.bat)" },
  { "plan", "Shows what start, stop, prepare or recover would do; changes nothing" },
  { "status", "Shows virtual machines, GPUs and the last runs" },
  { "gpu", "Lists every GPU, with its state, node and virtual machine (list)" },
  { "vm", "Lists the virtual machines with their nodes and devices (list)" },
  { "check", "Examines parameters, logins, rights and settings before they are needed" },
  { "prepare", "Sets this node and the virtual machine up for the GPU, once" },
  { "recover", "Puts this node in order after it came back; starts nothing" },
  { "drain", "Moves everything off a node, for maintenance; shows the plan first" },
  { "undrain", "Lets a drained node take machines again" },
  { "ecx", "Writes the scripts that EXPRESSCLUSTER runs" },
  { "pacemaker", "Prints what Pacemaker must know, and what its agents ask" },
  { "secret", "Keeps passwords: sets, lists and removes them, never shows them" },
  { "history", "Shows earlier runs: steps, every call made, remarks" },
  { "replay", "Plays a recorded run again and says where it goes differently now" },
  { "test", "Plays scenarios in the simulated cluster, on virtual time" },
  { "certify", "Explores sequences in the simulated cluster with a fault at every call" },
  { "run", "Runs a Lua script with all natives" },
  { "lab", "Serves a simulated cluster over HTTP, for tests and trials" },
  { "demo", "Shows moves and a failover in a simulated cluster, from start to end" },
  { "version", "Prints the version" },
}

local DESCRIPTION = [[
Moves a GPU-equipped Hyper-V virtual machine from one server to another: the GPU through
ExpEther Manager, the virtual machine through WMI.]]

local EPILOG = [[
`takeover COMMAND --help` explains a command, with its exit codes and an example.
Options stand before or after the command.]]

-- "Exit codes:" with the lines of these names, for a command's help.
---@param names string[]
---@return string
function M.exit_codes(names)
  local exit_codes = require("core.exit_codes")
  local lines = { "Exit codes:" }
  for _, entry in ipairs(exit_codes.list) do
    for _, name in ipairs(names) do
      if entry.name == name then
        lines[#lines + 1] = ("  %2d  %s"):format(entry.code, entry.meaning)
      end
    end
  end
  return table.concat(lines, "\n")
end

local function code_page(word)
  if require("console").is_code_page(word) then
    return word
  end
  return nil, ("there is no code page '%s': system, utf-8 or a number such as 932"):format(word)
end

local function line_count(word)
  local number = math.tointeger(tonumber(word))
  if number and (number == 0 or (number >= 40 and number <= 1000000)) then
    return number
  end
  return nil, ("--max-lines must be 0 or a number from 40 on, not '%s'"):format(word)
end

local function define_global(parser)
  parser:option("-p --parameters", "File that describes the site (default: $TAKEOVER_PARAMETERS,\n"
    .. "./parameters.lua, then <state>/parameters.lua)"):argname("FILE")
  parser:option("-n --node", "This node's name in the parameters (default: $TAKEOVER_NODE,\n"
    .. "then the host's name)"):argname("NAME")
  parser:option("--state", "Directory for journal, locks and secrets (default: $TAKEOVER_STATE)")
    :argname("DIR")
  parser:flag("--json", "One JSON document on stdout instead of text")
  parser:option("--log-level", "Log lines on stderr from this level on (default: warn)")
    :choices({ "debug", "info", "warn", "error" }):argname("LEVEL")
  parser:option("--log-format", "Form of log lines"):choices({ "human", "json" }):argname("FORMAT")
  parser:option("--log-file", "Also append log lines to this file"):argname("FILE")
  parser:option("--colour", "auto (default), always or never")
    :choices({ "auto", "always", "never" }):argname("WHEN")
  parser:option("--code-page", "Of text that no terminal shows: system (default), utf-8 or\n"
    .. "a number such as 932; JSON is UTF-8 (also $TAKEOVER_CODE_PAGE)"):argname("PAGE")
    :convert(code_page)
  parser:option("--max-lines", "Write no more lines than this, 40 at least, the result among them\n"
    .. "(default: console.lines of the parameters, where ECX runs us)"):argname("N")
    :convert(line_count)
  parser:flag("--trust-writable-files",
    "Accept parameters and scripts that others may change")
  parser:option("--lua-path", "Look for Lua files here first, as for edited sequences")
    :argname("DIR"):count("*")
end

-- The words that name commands among the arguments.
local function named_commands(arguments)
  local named = {}
  for _, argument in ipairs(arguments) do
    named[argument] = true
  end
  return named
end

-- What argparse would print and leave with, as a value.
local function help_of(parser, wanted)
  parser:add_help({
    name = "-h --help",
    description = "Show this help",
    action = function()
      wanted.text = parser:get_help()
      error("help")
    end,
  })
end

-- Defines the words below a command. Each is a module host.commands.<name>.<word> with define and
-- run; only that of the word that is there is loaded. The word is parsed into `subcommand`.
---@param command table argparse's
---@param name string of the command
---@param list string[][] word and one line each
local function subcommands(command, name, list, arguments, each)
  command:command_target("subcommand")
  local named = named_commands(arguments)
  for _, entry in ipairs(list) do
    local below = command:command(entry[1]):summary(entry[2])
    each(below)
    if named[entry[1]] then
      require("cli.commands." .. name .. "." .. entry[1]).define(below, M)
    end
  end
end

---@param arguments string[]
---@return table? parsed with field `command`; nil for help and mistakes
---@return { help: string?, mistake: string?, usage: string? }? why
function M.parse(arguments)
  local parser = argparse("takeover", DESCRIPTION, EPILOG):command_target("command")
  local wanted = {}
  local usage_of = parser
  define_global(parser)
  help_of(parser, wanted)
  local named = named_commands(arguments)
  for _, entry in ipairs(M.commands) do
    local command = parser:command(entry[1]):summary(entry[2])
    help_of(command, wanted)
    if named[entry[1]] then
      local module = require("cli.commands." .. entry[1])
      module.define(command, M, arguments)
      if module.subcommands then
        subcommands(command, entry[1], module.subcommands, arguments, function(below)
          help_of(below, wanted)
        end)
      end
      usage_of = usage_of == parser and command or usage_of
    end
  end
  local ok, parsed, result = pcall(parser.pparse, parser, arguments)
  if wanted.text then
    return nil, { help = wanted.text }
  elseif not ok then
    error(parsed, 0)
  elseif not parsed then
    return nil, { mistake = result, usage = usage_of:get_usage() }
  end
  return result
end

return M
