-- takeover secret remove: removes the file of a secret.
local failure = require("failure")
local output = require("cli.output")
local schema = require("failover.parameters.schema")

local M = {}

function M.define(command, cli)
  command:description("Removes the file of a secret. A variable of the environment is left alone.")
  command:epilog(cli.exit_codes({ "ok", "failed", "configuration", "usage" })
    .. "\n\nExample:\n  takeover secret remove eem")
  command:argument("name", "As in secret \"name\" of the parameters")
end

function M.run(arguments, directory)
  local name = arguments.name
  local secret = require("secret")
  require("cli.commands.secret").check_name(name)
  if not secret.remove(name, { directory = directory }) then
    local known = {}
    for _, entry in ipairs(secret.list({ directory = directory })) do
      known[#known + 1] = entry.kind ~= "environment" and entry.name or nil
    end
    failure.raise({
      code = "SECRET_MISSING", target = name,
      message = ("there is no secret %s in %s%s"):format(name, directory,
        schema.suggestion(name, known)),
    })
  end
  output.line("secret %s is removed from %s", name, directory)
  output.document({ command = "secret", action = "remove", name = name, directory = directory })
end

return M
