-- takeover secret list: which secrets there are, and which ones the parameters ask for.
local output = require("cli.output")
local schema = require("failover.parameters.schema")

local M = {}

function M.define(command, cli)
  command:description([[
Shows the secrets by name, never by value: where each comes from and which login of the parameters
asks for it.

  file         an owner-only file in the directory of secrets
  dpapi        the same, encrypted for this computer
  environment  a variable TAKEOVER_SECRET_NAME, which comes before a file
  missing      the parameters ask for it, but it is not there]])
  command:epilog(cli.exit_codes({ "ok", "failed", "configuration" })
    .. "\n\nExample:\n  takeover secret list")
end

-- Which keys of the parameters name which secret: name -> list of keys.
local function wanted_by(parameters)
  local wanted, names = {}, {}
  local function note(reference, key)
    if reference then
      names[#names + 1] = wanted[reference.secret] == nil and reference.secret or nil
      wanted[reference.secret] = wanted[reference.secret] or {}
      table.insert(wanted[reference.secret], key)
    end
  end
  if parameters then
    note(parameters.eem.password, "eem")
    for _, node in ipairs(schema.sorted_keys(parameters.nodes)) do
      note(parameters.nodes[node].wmi.password, "wmi of " .. node)
    end
  end
  return wanted, names
end

-- As the variable of the environment is spelt.
local function variable(name)
  return (name:upper():gsub("[%-%.]", "_"))
end

local function listed(directory, parameters)
  local wanted, names = wanted_by(parameters)
  local entries, from_environment, seen = {}, {}, {}
  for _, entry in ipairs(require("secret").list({ directory = directory })) do
    if entry.kind == "environment" then
      from_environment[entry.name] = entry
    else
      entries[#entries + 1] = entry
      entry.used_by = wanted[entry.name]
      seen[entry.name] = true
    end
  end
  for _, name in ipairs(names) do
    if not seen[name] then
      local kind = from_environment[variable(name)] and "environment" or "missing"
      entries[#entries + 1] = { name = name, kind = kind, used_by = wanted[name] }
    end
  end
  for _, entry in ipairs(entries) do -- the environment comes first
    entry.overridden = entry.kind ~= "environment" and from_environment[variable(entry.name)] ~= nil
    from_environment[variable(entry.name)] = from_environment[variable(entry.name)]
      and { used = true }
  end
  for name, entry in pairs(from_environment) do
    if not entry.used then
      entries[#entries + 1] = { name = name, kind = "environment" }
    end
  end
  table.sort(entries, function(a, b)
    return a.name < b.name or (a.name == b.name and a.kind < b.kind)
  end)
  return entries
end

function M.run(_, directory, parameters)
  local entries, rows, documents = listed(directory, parameters), {}, {}
  for i, entry in ipairs(entries) do
    local remark = entry.problem
      or (entry.overridden and "the environment has another, which counts") or nil
    rows[i] = {
      entry.name, entry.kind, entry.used_by and table.concat(entry.used_by, ", ") or "", remark,
    }
    documents[i] = {
      name = entry.name, kind = entry.kind, used_by = require("json").array(entry.used_by or {}),
      problem = entry.problem, overridden = entry.overridden or nil,
    }
  end
  if #rows == 0 then
    output.line("no secrets in %s", directory)
  else
    output.table({ "name", "kind", "used by", "" }, rows, { colours = { [2] = function(cell)
      return cell == "missing" and "red" or nil
    end } })
  end
  output.document({
    command = "secret", action = "list", directory = directory,
    secrets = require("json").array(documents),
  })
end

return M
