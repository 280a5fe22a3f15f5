-- Time and memory of a plan for all machines, and of the question where the cluster is weakest,
-- against the size of the site. For bench/run:
--
--   takeover --lua-path . run bench/placement.lua [largest]
--
-- "one card each": a few models, labels, some static machines, boards for 16 cards, as one may find
-- them; what a machine wants follows from a seed. "mixed": several cards, alternatives, box rules,
-- shares, restricted nodes, cards that fail, a third of the machines at work; more is asked for
-- than there is. Every size is measured in a process of its own; its memory is the most that the
-- process ever had, the program itself included (about 9 MiB).
local made = require("tests.spec.support.situations")
local placement = require("failover.placement")
local process = require("process")

local SIZES = { 10, 100, 1000, 3000, 10000 }
local WEAKEST_UP_TO = 1000 -- devices; every one of them is tried
local MIXED_UP_TO = 3000 -- more take minutes
local TIMEOUT = 600

local function site(kind, size)
  if kind == "one" then
    return made.site(7, size, { nodes = size == 1000 and 64 or nil })
  end
  return made.random(7, {
    devices = size, nodes = size == 1000 and 64 or math.max(2, size // 15), vms = size,
    shares = size // 20, boxes = math.max(1, size // 8), capacity = 16, running = 33,
    priorities = 4,
  })
end

local function most_memory()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmHWM:%s+(%d+) kB")
    if kib then
      return tonumber(kib) / 1024
    end
  end
  return 0
end

local function count(map)
  local n = 0
  for _ in pairs(map) do
    n = n + 1
  end
  return n
end

-- In the child: one measurement, as one line.
local function measure(kind, size)
  local situation = site(kind, size)
  collectgarbage()
  local began = os.clock()
  local plan = placement.plan(situation)
  local planned = os.clock() - began
  local memory = most_memory()
  local weakest = "-"
  if size <= WEAKEST_UP_TO then
    local busy = placement.as_planned(situation, plan)
    began = os.clock()
    placement.weakest(busy)
    weakest = ("%.1f"):format((os.clock() - began) * 1000)
  end
  print(("%.1f %.0f %s %d %s"):format(planned * 1000, memory, weakest, count(plan.placed),
    plan.optimal and "yes" or "no"))
end

local function main(largest)
  print("A plan for all machines, and every single failure tried (processor time).")
  print("Goal for 1000 devices, 1000 machines, 64 nodes: 1 s and 200 MiB; 5 s.")
  print(("%-14s %7s %6s %10s %10s %8s %8s %12s"):format("", "devices", "nodes", "plan ms",
    "most MiB", "placed", "optimal", "weakest ms"))
  for _, kind in ipairs({ "one", "mixed" }) do
    for _, size in ipairs(SIZES) do
      if size <= largest and (kind == "one" or size <= MIXED_UP_TO) then
        local result = process.run({
          "/proc/self/exe", "--lua-path", ".", "run", "bench/placement.lua", kind, tostring(size),
          timeout = TIMEOUT,
        })
        local words = {}
        for word in result.stdout:gmatch("%S+") do
          words[#words + 1] = word
        end
        assert(#words == 5, result.stderr)
        print(("%-14s %7d %6d %10s %10s %8s %8s %12s"):format(kind == "one" and "one card each"
          or "mixed", size, #site(kind, size).nodes, words[1], words[2], words[4], words[5],
          words[3]))
      end
    end
  end
end

local first, second = ...
if second then
  measure(first, tonumber(second))
else
  main(tonumber(first) or SIZES[#SIZES])
end
