-- A program of its own for mutants_spec: plays single faults in the situations that its arguments
-- name, or in all, with whatever modules --lua-path puts in place of the shipped ones. Tells the
-- first broken rule in one line of JSON, and nothing where every rule held.
local explorer = require("lab.explorer")
local json = require("json")

local wanted = {}
for _, name in ipairs(arg) do
  wanted[name] = true
end

local setting, told = explorer.setting(), false
for _, situation in ipairs(explorer.situations) do
  if not told and (#arg == 0 or wanted[situation.name]) then
    explorer.single_faults(explorer.setting_for(setting, situation), situation,
      function(_, call, effect, problem)
        if problem then
          print(json.encode({ situation = situation.name, call = call, effect = effect,
            rule = problem.rule, text = problem.text }))
          told = true
        end
        return told
      end)
  end
end
