-- Which machine gets which device on which node: pure arithmetic on plain tables. Nothing here
-- looks at the world, asks the time or keeps anything: failover.inventory builds the Situation,
-- steps and commands use the answers. The rules are told in docs/placement.md, the plain tables in
-- lua/meta/situation.lua.
local choose = require("failover.placement.choose")
local judge = require("failover.placement.judge")

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
M.reasons = require("failover.placement.reasons")

-- What only commands ask is loaded when it is asked: a start has no time to lose.
local later = {
  plan = "plan", whatif = "whatif", weakest = "whatif", as_planned = "planned",
}

for name, file in pairs(later) do
  M[name] = function(...)
    return require("failover.placement." .. file)[name](...)
  end
end

return M
