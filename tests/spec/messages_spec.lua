-- What people read at three in the morning: of every failure that is likely what happened, to
-- whom, and what they do about it. The history is no remedy.
local failure = require("failure")
local folder = require("cli.folder")
local fs = require("fs")
local story = require("lab.story")
local verdict = require("failover.engine.verdict")

local ABOUT = { command = "start", vm = "vme2", node = "ms1" }

local function has(text, piece)
  assert.is_truthy(text:find(piece, 1, true), ("%q is not in: %s"):format(piece, text))
end

-- Remedy of a verdict, which must be one.
local function remedy_in(text)
  local remedy = text:match("What to do: (.*)$")
  assert.is_truthy(remedy, "no remedy: " .. text)
  assert.is_nil(remedy:find("takeover history", 1, true), remedy)
  assert.is_nil(remedy:find("{%l+}"), remedy)
  return remedy
end

describe("the verdict, where", function()
  local directory

  setup(function()
    directory = folder.temporary()
  end)

  teardown(function()
    folder.remove(directory)
  end)

  for _, case in ipairs(require("support.failures")) do
    it(case.title .. ", says so, of whom, and what to do", function()
      local path = directory .. "/case.lua"
      fs.write(path, ('story "%s"\n%s\nexpect(%s("vme2", "%s", %s), { exit = "%s"%s })\n'):format(
        case.title, case.play, case.command or "start", case.node or "ms1", case.options or "nil",
        case.exit, case.code and (', code = "%s"'):format(case.code) or ""))
      local played = story.play(path)
      assert.is_true(played.passed, played.problem)
      local text = played.verdicts[#played.verdicts]
      has(text, case.happened)
      has(text, case.whom)
      has(remedy_in(text), case.remedy)
    end)
  end
end)

-- What no scenario can make, or what ends a command before its run.
local others = {
  { code = "EEM_TLS", remedy = "renew the certificate of ExpEther Manager" },
  { code = "WMI_TLS", node = "ms2", remedy = "renew the certificate of ms2's WinRM listener" },
  { code = "WMI_JOB_LOST", node = "ms2", remedy = "service vmms of ms2" },
  { code = "WMI_BUSY", node = "ms2", remedy = "on ms2" },
  { code = "LINK_DOWN", remedy = "power and cable" },
  { code = "FS_LOCKED", remedy = "ends by itself" },
  { code = "JOURNAL_FAILED", remedy = "--state DIR" },
  { code = "CONFIG", remedy = "parameters.lua" },
  { code = "SECRET_MISSING", remedy = "takeover secret set" },
  { code = "SECRET_UNSAFE", remedy = "read permission" },
  { code = "SCRIPT_ERROR", remedy = "mend the script" },
  { code = "CANCELLED", remedy = "the same command again" },
  { code = "HYPERV_AMBIGUOUS", remedy = "vms.vme2.id" },
}

describe("a failure with", function()
  for _, case in ipairs(others) do
    it(case.code .. " has a remedy", function()
      local failed = failure.new({ code = case.code, message = "it failed", node = case.node })
      local text = verdict.line(ABOUT, { state = "failed", failure = failed, run = 7 }, 11)
      has(text, (case.node and case.node .. ": " or "") .. "it failed")
      has(remedy_in(text), case.remedy)
    end)
  end

  it("every code but those without a known cure has one, with all names filled in", function()
    local without = {}
    for code in pairs(failure.codes) do
      local failed = failure.new({ code = code, message = "m" })
      local remedy = verdict.remedy(failed, ABOUT)
      if not remedy then
        without[#without + 1] = code
      else
        assert.is_nil(remedy:find("{%l+}"), code .. ": " .. remedy)
        assert.is_nil(remedy:find("takeover history", 1, true), code .. ": " .. remedy)
      end
    end
    table.sort(without)
    assert.are.same({ "INTERNAL", "JSON_INVALID", "NOT_REACHED", "WMI_BAD_PARAMETER",
      "XML_INVALID" }, without)
  end)

  it("no known cure leads to the history of its run", function()
    local failed = failure.new({ code = "INTERNAL", message = "m" })
    assert.are.equal("takeover history --run 7 shows every call",
      verdict.todo(ABOUT, { failure = failed, run = 7 }))
  end)

  it("a remedy of its own keeps it, with the names of its node and machine", function()
    local failed = failure.new({ code = "WMI_AUTH", message = "m", node = "ms2",
      hint = "look at {node} for {vm}, not at {other}" })
    assert.are.equal("look at ms2 for vme2, not at {other}", verdict.remedy(failed, ABOUT))
  end)
end)

describe("what is left", function()
  local undo = { { name = "GPU connected", state = "undone" } }

  it("is everything undone only where nothing is kept", function()
    assert.are.equal("Nothing was changed.", verdict.aftermath({}))
    assert.are.equal("Everything that this run changed is undone.",
      verdict.aftermath({ undone = true, undo = undo, kept = {} }))
    assert.are.equal("Everything else that this run changed is undone. Kept: the copy; what "
      .. '"my step" did.', verdict.aftermath({ undone = true, undo = undo, kept = {
        { step = "backed up", text = "the copy" }, { step = "my step" } } }))
    assert.are.equal("Kept: the copy.", verdict.aftermath({ undone = true, undo = {}, kept = {
      { step = "backed up", text = "the copy" } } }))
  end)

  it("is named where an undo failed, and where the run was past its point of no return", function()
    local failed = { { name = "GPU connected", state = "failed" } }
    assert.are.equal('NOT everything is undone: "GPU connected".',
      verdict.aftermath({ undone = false, undo = failed }))
    assert.are.equal('Past the point of no return ("alive"): left as it is.',
      verdict.aftermath({ undone = false, undo = {}, committed = "alive" }))
  end)
end)
