-- The journal as the engine uses it: tried before the first change, and never a reason to stop
-- in the middle.
local loop = require("loop")

local M = {}

local Diary = {}
Diary.__index = Diary

-- `journal` may be nil: then nothing is written. `warn(text)` is told, once, when writing fails
-- later on.
function M.new(journal, warn)
  return setmetatable({ journal = journal, warn = warn }, Diary)
end

-- Raises JOURNAL_FAILED when the journal cannot be written.
function Diary:begin_run(fields)
  if self.journal then
    self.run = self.journal:begin_run(fields)
  end
  return self.run
end

local function quietly(self, verb, ...)
  if not self.run then
    return nil
  end
  local ok, result = loop.guard(self.journal[verb], self.journal, ...)
  if ok then
    return result
  end
  if not self.failed then
    self.failed = true
    self.warn("the journal cannot be written any more: " .. tostring(result))
  end
end

function Diary:begin_step(step)
  return quietly(self, "begin_step", self.run, step)
end

function Diary:end_step(step, result)
  if step then
    quietly(self, "end_step", step, result)
  end
end

-- False where the answer could not be kept.
function Diary:call(call)
  call.run = self.run
  return quietly(self, "call", call)
end

function Diary:note(text, data)
  quietly(self, "note", self.run, text, data)
end

function Diary:end_run(result)
  quietly(self, "end_run", self.run, result)
  self.run = nil
end

return M
