-- For specs that run in the program for Linux and try takeover.exe under Wine.
local assert = require("luassert")
local json = require("json")
local process = require("process")
local site_module = require("support.site")

local M = { PROGRAM = "tests/windows/com-takeover" }

-- What each operation of tests/windows/com_script.lua gave, in a process of its own.
function M.com(wine, operations, env)
  local given = { TAKEOVER_WINE = wine }
  for name, value in pairs(env or {}) do
    given[name] = value
  end
  local result = process.run({ M.PROGRAM, "run", "tests/windows/com_script.lua",
    json.encode(operations), env = given, timeout = 60 })
  assert.is_false(result.timed_out, "the program does not end")
  assert.are.equal(0, result.code, result.stderr)
  return json.decode(result.stdout:match("[^\r\n]+"))
end

function M.failed(result, code, piece)
  assert.is_false(result.ok, "nothing failed, " .. code .. " was expected")
  assert.are.equal(code, result.code, result.message)
  if piece then
    site_module.contains(result.message .. "\n" .. (result.hint or ""), piece)
  end
  return result
end

return M
