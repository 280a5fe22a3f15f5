-- A failover with the times of real hardware, over real HTTP against the lab: how long it takes
-- compared with what nobody can shorten, and how many requests it asks. For bench/run:
--
--   takeover run bench/failover.lua [seconds of one request] [described]
--
-- ms1 dies, ms2 starts its virtual machine. The critical path is the sum of what the world needs:
-- the link, plug and play, the driver of one function, the dismount, the assignment, powering on
-- and the guest's boot. All of it is waited for on the clock, so this takes half a minute.
local fs = require("fs")
local json = require("json")
local loop = require("loop")
local process = require("process")

local PROGRAM = "/proc/self/exe"
local NODE, VM = "ms2", "vme2"
local TIMEOUT = 120 -- seconds

local LATENCY = { link = 5, enumerate = 2, list_lag = 0, dismount = 1, assign = 0.3, start = 0,
  boot = 14 }
local DISABLE = 1 -- seconds, of each function

local PARAMETERS = [[
return {
  eem = { url = "%s", auth = "none" },
  nodes = {
    ms1 = { group_id = 50, wmi = { url = "%s" } },
    ms2 = { group_id = 150, wmi = { url = "%s" } },
  },
  vms = {
    vme2 = {
      path = [=[G:\Hyper-V\vme2]=], gpus = { { %s } },
      mmio = { low = "3GiB", high = "33280MiB" },
    },
  },
}
]]

local function start_lab(answer)
  local command = { PROGRAM, "lab", "--latency", "answer=" .. answer, stdout = "pipe" }
  for name, seconds in pairs(LATENCY) do
    command[#command + 1] = "--latency"
    command[#command + 1] = name .. "=" .. seconds
  end
  local child = process.start(command)
  return child, json.decode(assert(child:read_line({ timeout = 10 }), "the lab does not start"))
end

-- Counts of classes and methods on a node, the most first.
local function sorted(counts)
  local list = {}
  for name, count in pairs(counts or {}) do
    list[#list + 1] = { name = name, count = count }
  end
  table.sort(list, function(a, b)
    return a.count > b.count or a.count == b.count and a.name < b.name
  end)
  return list
end

local function total_of(requests)
  local total = requests.eem
  for _, count in pairs(requests.nodes) do
    total = total + count
  end
  return total
end

local function run(scratch, addresses, lab, request)
  lab:power("ms1", "off")
  lab:give_disk("ms2", "G:")
  lab:fault({ target = "ms2", match = { method = "Disable" }, effect = "delay",
    seconds = DISABLE })
  fs.write(scratch .. "/parameters.lua", PARAMETERS:format(addresses.eem,
    addresses.nodes.ms1.url, addresses.nodes.ms2.url, request))
  local before, began = lab:requests(), loop.now()
  local result = process.run({
    PROGRAM, "start", VM, timeout = TIMEOUT,
    env = {
      TAKEOVER_PARAMETERS = scratch .. "/parameters.lua", TAKEOVER_STATE = scratch .. "/state",
      TAKEOVER_NODE = NODE, CLP_EVENT = "FAILOVER",
    },
  })
  local took, after = loop.now() - began, lab:requests()
  if result.code ~= 0 then
    error(result.stdout .. result.stderr, 0)
  end
  return took, total_of(after) - total_of(before), after.calls, result.stdout
end

local function main(answer, described)
  answer = tonumber(answer or 0.04)
  local path = DISABLE
  for _, seconds in pairs(LATENCY) do
    path = path + seconds
  end
  local scratch = process.run({ "mktemp", "-d" }).stdout:gsub("\n", "")
  local child, addresses = start_lab(answer)
  local lab = require("lab.client").open(addresses.admin)
  local ok, took, requests, calls, said = loop.guard(run, scratch, addresses, lab,
    described and 'vendor = "10de", device = "1f08"' or 'id = "0x8cdf9d911c60"')
  child:kill("TERM")
  child:wait(10)
  child:close()
  process.run({ "rm", "-r", scratch })
  if not ok then
    error(took, 0)
  end
  print(("A failover with the times of real hardware (%.0f ms a request%s)."):format(answer * 1000,
    described and ", GPU by description" or ""))
  print("Goal: at most 1.08 of the critical path.")
  print(("%.2f s, critical path %.1f s, ratio %.3f, %d requests"):format(took, path, took / path,
    requests))
  if os.getenv("BENCH_DETAILS") then
    io.write(said)
    for _, entry in ipairs(sorted(calls[NODE])) do
      print(entry.count, entry.name)
    end
  end
end

main(...)
