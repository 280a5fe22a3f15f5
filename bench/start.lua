-- A complete `takeover start` against the lab without latency, beside the very same requests made
-- by one curl and by Python's requests (whose own start does not count); and `takeover monitor` of
-- the machine that runs then. For bench/run:
--
--   takeover run bench/start.lua [repetitions]
--
-- The requests are those of one run through bench/record.lua. Every measurement has a lab of its
-- own, fresh from its process; what is measured is the command alone. The lab gives the same ids
-- each time, so the recorded requests do the same to it, which is checked: the virtual machine must
-- run after.
local fs = require("fs")
local json = require("json")
local loop = require("loop")
local process = require("process")

local PROGRAM = "/proc/self/exe"
local NODE, VM = "ms1", "vme2"
local TIMEOUT = 60 -- seconds that one command may take

local PARAMETERS = [[
return {
  eem = { url = "%s", auth = "none" },
  nodes = {
    ms1 = { group_id = 50, wmi = { url = "%s" } },
    ms2 = { group_id = 150, wmi = { url = "%s" } },
  },
  vms = {
    vme2 = {
      path = [=[G:\Hyper-V\vme2]=], gpus = { { id = "0x8cdf9d911c60" } },
      mmio = { low = "3GiB", high = "33280MiB" },
    },
  },
}
]]

-- Without what the surroundings would tell about a cluster.
local function environment(directory)
  return {
    TAKEOVER_PARAMETERS = directory .. "/parameters.lua",
    TAKEOVER_STATE = directory .. "/state",
    TAKEOVER_NODE = NODE,
    CLP_EVENT = false,
  }
end

local function with_lab(fn)
  local child = process.start({ PROGRAM, "lab", "--latency", "none", stdout = "pipe" })
  local addresses = json.decode(assert(child:read_line({ timeout = 10 }), "the lab does not start"))
  local urls = { addresses.eem, addresses.nodes.ms1.url, addresses.nodes.ms2.url }
  local ok, result = loop.guard(fn, urls, require("lab.client").open(addresses.admin))
  child:kill("TERM")
  child:wait(10)
  child:close()
  if not ok then
    error(result, 0)
  end
  return result
end

local function is_running(lab)
  for _, vm in ipairs(lab:truth().vms) do
    if vm.name == VM then
      return vm.running[1] == NODE
    end
  end
  return false
end

-- Seconds that the command takes; it must leave the virtual machine running.
local function timed(command, lab)
  local began = loop.now()
  local result = process.run(command)
  local took = loop.now() - began
  if result.code ~= 0 then
    io.stderr:write(result.stdout, result.stderr)
    error(("%s: exit code %s"):format(table.concat(command, " "), result.code), 0)
  end
  if not is_running(lab) then
    error(command[1] .. ": the virtual machine does not run afterwards", 0)
  end
  return tonumber(result.stdout:match("^seconds (%S+)")) or took
end

-- Seconds that monitor takes, of a machine that another command has just started.
local function monitored(command, lab)
  timed(command, lab)
  command[2] = "monitor"
  return timed(command, lab)
end

local function start_command(directory, urls)
  fs.make_directory(directory)
  fs.write(directory .. "/parameters.lua", PARAMETERS:format(table.unpack(urls)))
  return { PROGRAM, "start", VM, timeout = TIMEOUT, env = environment(directory) }
end

local function record(scratch)
  fs.make_directory(scratch .. "/calls")
  with_lab(function(urls, lab)
    local proxy = process.start({
      PROGRAM, "run", "bench/record.lua", scratch .. "/calls", urls[1], urls[2], urls[3],
      stdout = "pipe",
    })
    local through = {}
    for i = 1, #urls do
      through[i] = assert(proxy:read_line({ timeout = 10 }), "the recorder does not start")
    end
    timed(start_command(scratch .. "/record", through), lab)
    proxy:kill("TERM")
    proxy:wait(10)
    proxy:close()
  end)
  local _, count = fs.read(scratch .. "/calls/calls"):gsub("\n", "")
  return count
end

local function origins(urls)
  local list = {}
  for i, url in ipairs(urls) do
    list[i] = url:match("^%a+://[^/]+")
  end
  return table.unpack(list)
end

local function replay(script)
  return function(scratch, urls)
    local command = { timeout = TIMEOUT, table.unpack(script) }
    for _, word in ipairs({ scratch .. "/calls", origins(urls) }) do
      command[#command + 1] = word
    end
    return command
  end
end

local function median(values)
  table.sort(values)
  local n = #values
  return n % 2 == 1 and values[n // 2 + 1] or (values[n // 2] + values[n // 2 + 1]) / 2
end

local function main(repetitions)
  local scratch = process.run({ "mktemp", "-d" }).stdout:gsub("\n", "")
  local count = record(scratch)
  local run = 0
  local contenders = {
    { "takeover start", function(_, urls)
      run = run + 1
      return start_command(("%s/run%d"):format(scratch, run), urls)
    end },
    { "one curl", replay({ "sh", "bench/start.sh" }) },
  }
  if process.run({ "sh", "-c", "python3 -c 'import requests'", timeout = 20 }).code == 0 then
    contenders[3] = { "Python with requests", replay({ "python3", "bench/start.py" }) }
  end
  contenders[#contenders + 1] = { "takeover monitor", contenders[1][2], monitored }
  local times = {}
  for _ = 1, repetitions do
    for i, contender in ipairs(contenders) do
      times[i] = times[i] or {}
      table.insert(times[i], with_lab(function(urls, lab)
        return (contender[3] or timed)(contender[2](scratch, urls), lab)
      end))
    end
  end
  process.run({ "rm", "-r", scratch })

  print("A complete start against the lab without latency.")
  print(("%d requests, median of %d runs."):format(count, repetitions))
  print("Goal: under 100 ms.")
  print(("%-28s %10s %8s"):format("", "median ms", "ratio"))
  local first = median(times[1])
  for i, contender in ipairs(contenders) do
    local value = median(times[i])
    print(("%-28s %10.1f %8.2f"):format(contender[1], value * 1000, value / first))
  end
end

main(math.tointeger(tonumber((...) or 10)))
