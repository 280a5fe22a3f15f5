-- Which machine gets which device on which node: pure arithmetic on plain tables. Nothing here
-- looks at the world, asks the time or keeps anything: failover.inventory builds the Situation,
-- steps and commands use the answers. The rules are told in docs/placement.md.
local choose = require("failover.placement.choose")
local judge = require("failover.placement.judge")
local plan = require("failover.placement.plan")

local M = {}

---@class Criteria one alternative of a request
---@field id string? this very device, nothing else
---@field vendor string? four hexadecimal digits
---@field device string?
---@field class string? beginning of the PCI class; it never rejects what shows only a bridge
---@field labels table<string, string>? all of them must be equal
---@field model string? contained in the device's model, in capitals or not
---@field min_memory integer? bytes
---@field partition { vram: integer? }? a share of a GPU of the server; vram in bytes

---@class Request devices of one kind for one machine; all from the same alternative
---@field count integer
---@field min integer with so many the machine may start, degraded
---@field same_box boolean?
---@field different_box boolean?
---@field alternatives Criteria[] in the order in which they are wanted
---@field title string

---@class Device
---@field id string
---@field title string name and id
---@field name string?
---@field kind "card"|"partitionable"
---@field state "free"|"held"|"quarantined"|"missing"|"foreign"
---@field labels table<string, string>
---@field box string?
---@field model string?
---@field vendor string?
---@field device string?
---@field class string?
---@field bridge boolean? ExpEther Manager shows class 06xx, which says nothing of the card
---@field memory integer? bytes
---@field mmio integer? bytes of high MMIO space that it needs, where that is known
---@field serial string?
---@field identity "declared"|"eem"|"node"|"unknown"
---@field group_id integer?
---@field node string? in whose group it is; of a partitionable GPU: where it is
---@field vm string? key of the machine that has it
---@field vm_running boolean?
---@field link "up"|"down"|"unknown"|nil
---@field power "on"|"off"|nil
---@field reachable boolean?
---@field why string? the state, explained
---@field quarantine table?
---@field cost number? penalty from history
---@field total_vram integer? bytes; kind "partitionable"
---@field free_vram integer?
---@field partitions integer? in use
---@field most integer? partitions possible

---@class Node
---@field name string
---@field group_id integer?
---@field reachable boolean
---@field why string?
---@field capacity integer? devices that its board takes
---@field held integer? devices in its group now
---@field drained boolean?

---@class Machine
---@field key string
---@field name string?
---@field requests Request[]
---@field priority integer? higher wins; 0 when absent
---@field nodes string[]? where it may run; absent: everywhere
---@field node string? where it is registered or runs
---@field state string?
---@field running boolean?
---@field devices string[]? ids of those it has
---@field degraded boolean?
---@field mmio_high integer? bytes

---@class Situation
---@field devices Device[] by id
---@field nodes Node[] by name
---@field vms Machine[] by key
---@field warnings string[]?

---@class Rejected one device that was left out
---@field device Device
---@field code string
---@field text string
---@field request integer

---@class Rejection why a machine gets nothing
---@field code string
---@field text string
---@field rejected Rejected[]

---@class Chosen
---@field device Device
---@field request integer
---@field alternative integer
---@field from "here"|"pool"|"node"|"lower priority"
---@field victim string? the machine that loses it

---@class Choice
---@field devices Chosen[]
---@field degraded boolean fewer than wanted
---@field reasons string[]
---@field rejected Rejected[]

M.judge = judge.judge
M.choose = choose.choose
M.plan = plan.plan
M.reasons = require("failover.placement.reasons")

return M
