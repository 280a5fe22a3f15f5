-- Which machine gets which device on which node: pure arithmetic on plain tables. Nothing here
-- looks at the world, asks the time or keeps anything: failover.inventory builds the Situation,
-- steps and commands use the answers. The rules are told in docs/placement.md, the plain tables in
-- lua/meta/situation.lua.
local choose = require("failover.placement.choose")
local judge = require("failover.placement.judge")
local plan = require("failover.placement.plan")
local whatif = require("failover.placement.whatif")

local M = {}

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
M.whatif = whatif.whatif
M.weakest = whatif.weakest
M.as_planned = whatif.as_planned
M.reasons = require("failover.placement.reasons")

return M
