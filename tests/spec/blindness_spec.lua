-- Modules that believe what was not seen (fixtures/mutants.lua): each must be caught by the
-- explorer, in a process that has it in place of the shipped one, as an administrator's edit is.
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local process = require("process")

local PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target
local SLOW = 600 -- seconds, under a sanitizer on a busy machine

-- Plays single faults in a process that has the modules of a folder in place of the shipped ones.
-- Gives what it found, nil where every rule held.
local function explore(modules, situations)
  local command = { PROGRAM, "--lua-path", modules, "run", "tests/spec/support/run_mutant.lua" }
  table.move(situations, 1, #situations, #command + 1, command)
  command.timeout = SLOW
  local result = process.run(command)
  assert.are.equal(0, result.code, result.stderr)
  return result.stdout ~= "" and json.decode(result.stdout) or nil
end

-- The text with the mutant's replacements.
local function mutated(mutant)
  local text = fs.read("lua/" .. mutant.file)
  for _, change in ipairs(mutant) do
    local from, to = text:find(change[1], 1, true)
    assert(from and not text:find(change[1], to + 1, true),
      mutant.file .. " does not have this once: " .. change[1])
    text = text:sub(1, from - 1) .. change[2] .. text:sub(to + 1)
  end
  return text
end

describe("the explorer, where nothing is seen,", function()
  local directory

  before_each(function()
    directory = folder.temporary()
  end)

  after_each(function()
    folder.remove(directory)
  end)

  for _, mutant in ipairs(dofile("tests/fixtures/mutants.lua")) do
    it("catches this: " .. mutant.name, function()
      fs.make_directory((directory .. "/" .. mutant.file):match("^(.*)/"))
      fs.write(directory .. "/" .. mutant.file, mutated(mutant))
      local found = explore(directory, mutant.situations)
      assert(found, "it survives")
      assert.matches("^I[1-7]$", found.rule, found.text)
    end)
  end

  it("finds nothing in what is shipped", function()
    local all, seen = {}, {}
    for _, mutant in ipairs(dofile("tests/fixtures/mutants.lua")) do
      for _, situation in ipairs(mutant.situations) do
        all[#all + 1] = not seen[situation] and situation or nil
        seen[situation] = true
      end
    end
    local found = explore(directory, all)
    assert.is_nil(found, found and found.situation .. ": " .. found.text)
  end)
end)
