-- The natives' Lua interface on a simulated world, in the same process: what scenarios and the
-- explorer run sequences
-- against. lab/server.lua shows the same world over HTTP; a conformance spec compares the two.
local calls = require("lab.direct.calls")
local cluster = require("lab.direct.cluster")
local eem = require("lab.direct.eem")
local files = require("lab.direct.files")
local hyperv = require("lab.direct.hyperv")
local pnp = require("lab.direct.pnp")

local M = {}

local Connection = {}
Connection.__index = Connection

function Connection:namespace()
  return self
end

function Connection:close() end

-- For context.open{ natives = ... }. `actor` (lab/simulated_command.lua): who calls; its `by` goes
-- into the world's log
-- of changes, its `faults` strike its calls by number.
function M.natives(world, actor)
  return {
    eem = function(options)
      calls.set_patience(actor, "eem", options)
      return eem.open(world, actor)
    end,
    wmi = function(options, node)
      calls.set_patience(actor, node, options)
      return setmetatable({ node = node }, Connection)
    end,
    hyperv = function(connection, options)
      return hyperv.open(world, connection.node, actor, options)
    end,
    pnp = function(connection)
      return pnp.open(world, connection.node, actor)
    end,
    files = function(connection)
      return files.open(world, connection.node, actor)
    end,
    cluster = function(_, environment)
      return cluster.open(world, actor, environment)
    end,
  }
end

return M
