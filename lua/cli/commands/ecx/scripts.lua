-- takeover ecx scripts: the files that EXPRESSCLUSTER runs for one virtual machine, ready to be
-- uploaded in the Cluster WebUI, and what must be set there.
local batch = require("cli.batch")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local output = require("cli.output")
local schema = require("failover.parameters.schema")
local session = require("cli.session")

local M = {}

local INSTALLED = [[C:\Program Files\Takeover]]
local MONITOR_TIMEOUT = 60 -- seconds, as takeover monitor has it
-- A host that cannot be asked says nothing about its machine: that moves no group.
local UNKNOWN_REMARK = "rem 20: its state cannot be told, which is no reason to move it."
local UNKNOWN_IS_NORMAL = "if %ERRORLEVEL% == 20 exit 0"
local PREACTION_TIMEOUT = 20
local is_windows = package.config:sub(1, 1) == "\\"

function M.define(command, cli)
  command:description([[
Writes the batch files of a virtual machine: start.bat and stop.bat of the script resource, genw.bat
of the custom monitor, and preaction.bat, which says in EXPRESSCLUSTER's log what is wrong before
that recovers. Then it tells what must be set in the Cluster WebUI, so that the times fit those of
the parameters.

A file that has other content is not overwritten without --force; nothing is written then.]])
  command:epilog(cli.exit_codes({ "ok", "configuration", "usage" }) .. [[


Example:
  takeover ecx scripts --group Failover-vme2 --resource script-vme2 --out vme2]])
  local function option(name, help, argname)
    return command:option(name, help):argname(argname)
  end
  option("--group", "The failover group", "GROUP"):count(1)
  option("--resource", "Its script resource", "NAME"):count(1)
  option("--vm", "The virtual machine (default: the one whose group this is)", "VM")
  option("--monitor", "The custom monitor (default: genw- and the virtual machine)", "NAME")
  option("--out", "Folder to write into (default: .)", "DIR"):default("."):show_default(false)
  command:flag("--tree", "Write scripts/GROUP/RESOURCE and scripts/monitor.s/MONITOR below it, as\n"
    .. "clpcfctrl --push takes them")
  option("--installed", "Folder of takeover.exe on the servers (default: this program's on\n"
    .. "Windows, else " .. INSTALLED .. ")", "DIR")
  option("--server-parameters", "The parameters as the servers name them (default: on Windows\n"
    .. "the file that is read now, else parameters.lua beside takeover.exe)", "FILE")
  option("--start-timeout", "Seconds of the start script in the WebUI, to be compared", "S")
    :convert(tonumber)
  option("--stop-timeout", "Seconds of the stop script in the WebUI, to be compared", "S")
    :convert(tonumber)
  option("--monitor-timeout", "Seconds of the monitor in the WebUI, to be compared", "S")
    :convert(tonumber)
  command:flag("--force", "Overwrite files that have other content")
end

---- which virtual machine -------------------------------------------------------------------------

local function configuration(format, ...)
  failure.raise({ code = "CONFIG", message = format:format(...) })
end

local function find_vm(s, arguments)
  local parameters = s.parameters
  if arguments.vm then
    local vm = s:vm(arguments.vm)
    if vm.group and vm.group ~= arguments.group then
      configuration("%s belongs to the group %s in %s, not to %s", arguments.vm, vm.group,
        parameters.file, arguments.group)
    end
    return arguments.vm, vm
  end
  local groups, found = {}, {}
  for _, name in ipairs(schema.sorted_keys(parameters.vms)) do
    local group = parameters.vms[name].group
    groups[#groups + 1] = group
    found[#found + 1] = group == arguments.group and name or nil
  end
  if #found == 0 then
    configuration("no virtual machine in %s has the group %s%s", parameters.file, arguments.group,
      #groups > 0 and schema.suggestion(arguments.group, groups) or "; name it by --vm")
  elseif #found > 1 then
    configuration("%s are of the group %s: say which one by --vm", table.concat(found, " and "),
      arguments.group)
  end
  return found[1], parameters.vms[found[1]]
end

---- the files -------------------------------------------------------------------------------------

local function installed(arguments, program)
  local folder = arguments.installed
    or (is_windows and (program.path or ""):match("^(%a:.*)[/\\][^/\\]+$")) or INSTALLED
  return (folder:gsub("/", "\\"):gsub("\\+$", ""))
end

local function server_parameters(arguments, s, folder)
  local file = s.parameters.file
  if arguments.server_parameters then
    return arguments.server_parameters
  elseif is_windows and file:find("^%a:[/\\]") then
    return (file:gsub("/", "\\"))
  end
  return folder .. "\\parameters.lua"
end

-- Name and lines of each file.
local function contents(arguments, name, folder, parameters)
  local program = batch.quote_path(folder .. "\\takeover.exe") .. " --parameters "
    .. batch.quote_path(parameters)
  local vm = (name:find("^%-") and "-- " or "") .. batch.quote(name)
  local function file(purpose, command, ...)
    return {
      "@echo off",
      ("rem %s: virtual machine %s, failover group %s, script resource %s."):format(purpose,
        batch.quote(name), batch.quote(arguments.group), batch.quote(arguments.resource)),
      program .. " " .. command .. " " .. vm,
      ...,
    }
  end
  local code = "exit %ERRORLEVEL%"
  return {
    { "start.bat", file("Start", "start", code) },
    { "stop.bat", file("Stop", "stop", code) },
    { "genw.bat", file("Custom monitor", "monitor", UNKNOWN_REMARK, UNKNOWN_IS_NORMAL, code) },
    { "preaction.bat", file("Before a recovery, says what is wrong; changes nothing",
      "monitor --timeout " .. PREACTION_TIMEOUT, "exit 0") },
  }
end

-- A name as a folder: what would lead elsewhere is refused, not changed, for it must be the name
-- that EXPRESSCLUSTER knows.
local function folder_name(name, what)
  if name:find('[<>:"/\\|?*%c]') or name:find("^%.+$") or name == "" then
    failure.raise({ code = "USAGE", message = ("'%s' cannot be the name of a %s"):format(name,
      what) })
  end
  return name
end

local function place(arguments, monitor, file)
  if not arguments.tree then
    return arguments.out .. "/" .. file
  elseif file == "genw.bat" or file == "preaction.bat" then
    return ("%s/scripts/monitor.s/%s/%s"):format(arguments.out, monitor, file)
  end
  return ("%s/scripts/%s/%s/%s"):format(arguments.out, arguments.group, arguments.resource, file)
end

local function directory_of(path)
  return path:match("^(.*)/[^/]*$")
end

-- Looks at all of them before the first one is written.
local function write(files, force)
  local fs = require("fs")
  for _, file in ipairs(files) do
    local there = fs.find(file.path)
    if there then
      file.state = there.kind == "file" and fs.read(file.path, { max = "1MiB" }) == file.text
        and "already" or "other"
    end
    if file.state == "other" and not force then
      failure.raise({
        code = "USAGE", target = file.path,
        message = file.path .. " has other content; nothing was written",
        hint = "look at it; --force overwrites it",
      })
    end
  end
  for _, file in ipairs(files) do
    if file.state ~= "already" then
      fs.make_directory(directory_of(file.path))
      fs.write(file.path, file.text)
      file.state = "written"
    end
  end
end

---- what must be set, and what does not fit -------------------------------------------------------

local function settings(arguments, name, vm, monitor)
  return {
    { "script resource " .. arguments.resource, "Normal Return Value, start and stop", "0" },
    { "", "start and stop script", "synchronous" },
    { "", "start timeout", ("%g s"):format(arguments.start_timeout or vm.start_timeout) },
    { "", "stop timeout", ("%g s"):format(arguments.stop_timeout or vm.stop_timeout) },
    { "monitor resource " .. monitor, "Normal Return Value", "0" },
    { "", "monitor timing", "Active" },
    { "", "target, recovery target", arguments.resource },
    { "", "timeout", ("%g s"):format(arguments.monitor_timeout or 2 * MONITOR_TIMEOUT) },
    { "", "script before a recovery", "preaction.bat" },
    { "group " .. arguments.group, "starts before " .. arguments.resource,
      "the disk that holds " .. (vm.path or name) },
  }
end

local function compare(list, what, ours, theirs)
  if theirs and ours > theirs then
    list[#list + 1] = ("EXPRESSCLUSTER kills the %s script after %g s, but %s_timeout in the "
      .. "parameters is %g: set it to %g"):format(what, theirs, what, ours, theirs)
  elseif theirs and ours < theirs then
    list[#list + 1] = ("the %s script may take %g s, but %s_timeout in the parameters is %g: "
      .. "the rest is not used"):format(what, theirs, what, ours)
  end
end

local function warnings(arguments, vm)
  local list = {}
  compare(list, "start", vm.start_timeout, arguments.start_timeout)
  compare(list, "stop", vm.stop_timeout, arguments.stop_timeout)
  if vm.boot_timeout >= vm.start_timeout - vm.margin then
    list[#list + 1] = ("boot_timeout (%g s) does not fit into the start, which ends %g s before "
      .. "its timeout of %g s"):format(vm.boot_timeout, vm.margin, vm.start_timeout)
  end
  if vm.shutdown_timeout >= vm.stop_timeout - vm.margin then
    list[#list + 1] = ("shutdown_timeout (%g s) does not fit into the stop, which ends %g s before "
      .. "its timeout of %g s: the guest would be turned off early"):format(vm.shutdown_timeout,
      vm.margin, vm.stop_timeout)
  end
  if arguments.monitor_timeout and arguments.monitor_timeout <= MONITOR_TIMEOUT then
    list[#list + 1] = ("genw.bat may look for %d s, but EXPRESSCLUSTER kills it after %g s: "
      .. "set more"):format(MONITOR_TIMEOUT, arguments.monitor_timeout)
  end
  return list
end

function M.run(arguments, program)
  local s = session.open(arguments, program)
  local name, vm = find_vm(s, arguments)
  local monitor = folder_name(arguments.monitor or "genw-" .. name, "monitor resource")
  folder_name(arguments.group, "group")
  folder_name(arguments.resource, "script resource")
  local folder = installed(arguments, program)
  local code_page = arguments.code_page or "system"
  local files = {}
  for i, file in ipairs(contents(arguments, name, folder, server_parameters(arguments, s,
    folder))) do
    files[i] = {
      path = place(arguments, monitor, file[1]), text = batch.text(file[2], code_page),
    }
  end
  write(files, arguments.force)
  local listed, said = {}, warnings(arguments, vm)
  for i, file in ipairs(files) do
    listed[i] = { path = file.path, state = file.state }
    output.line("  %s", output.pad(file.state, 8) .. file.path)
  end
  output.line("to be set in the Cluster WebUI:")
  local rows = settings(arguments, name, vm, monitor)
  output.table({ "where", "what", "value" }, rows, { indent = "  " })
  for _, warning in ipairs(said) do
    output.complain(output.paint("warning: ", "yellow") .. warning)
  end
  local json = require("json")
  output.document({
    command = "ecx scripts", vm = name, group = arguments.group, resource = arguments.resource,
    monitor = monitor, files = listed, settings = rows, warnings = json.array(said),
    exit_code = exit_codes.ok,
  })
  return exit_codes.ok
end

return M
