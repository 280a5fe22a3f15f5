-- takeover secret set: asks for a secret, or reads it from standard input, and writes its file.
local failure = require("failure")
local loop = require("loop")
local output = require("cli.output")

local M = {}

local STDIN = 0
local READ_MAX = 65536
local SHORTEST = 4 -- bytes that the log can keep out

function M.define(command, cli)
  command:description([[
Writes the file of a secret, in place of an earlier one. On a terminal it is asked for twice and not
shown; else one line of standard input is it. The owner and administrators can read the file,
nobody else; on Windows only this computer can decrypt it.]])
  command:epilog(cli.exit_codes({ "ok", "failed", "configuration", "cancelled", "usage" }) .. [[


Examples:
  takeover secret set eem
  takeover secret set eem < file]])
  command:argument("name", "As in secret \"name\" of the parameters")
end

-- The line end that "echo" and editors leave, and the mark that some of Windows' programs begin a
-- text with, are not part of it.
local function read_line()
  local text = io.stdin:read(READ_MAX) or ""
  return (text:gsub("^\xef\xbb\xbf", ""):gsub("\r?\n$", ""))
end

local function ask(name)
  local console = require("console")
  local text = console.read_hidden(("secret %s: "):format(name))
  if text ~= console.read_hidden("once more: ") then
    failure.raise({ code = "USAGE", message = "the two were not the same; nothing was changed" })
  end
  return text
end

function M.run(arguments, directory)
  local name = arguments.name
  local secret = require("secret")
  require("cli.commands.secret").check_name(name)
  local text
  if loop.is_terminal(STDIN) then
    text = ask(name)
  else
    text = read_line()
  end
  local mistake = secret.mistake(text)
  if mistake then
    failure.raise({ code = "USAGE",
      message = ("this cannot be the secret %s: %s; nothing was changed"):format(name, mistake) })
  end
  secret.store(name, text, { directory = directory })
  if #text < SHORTEST then
    output.complain(output.paint("warning: ", "yellow")
      .. "a secret of less than 4 bytes cannot be kept out of logs")
  end
  output.line("secret %s is kept in %s", name, directory)
  output.document({ command = "secret", action = "set", name = name, directory = directory })
end

return M
