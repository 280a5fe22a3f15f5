local failure = require("failure")
local loop = require("loop")

describe("failure", function()
  it("carries what its code's entry says", function()
    local f = failure.new({ code = "EEM_TIMEOUT", message = "no answer" })
    assert.equal("EEM_TIMEOUT", f.code)
    assert.equal("eem", f.source)
    assert.is_true(f.transient)
    assert.equal("no answer", f.message)
    assert.is_nil(f.hint)
    assert.is_nil(f.target)
    assert.is_false(failure.new({ code = "EEM_AUTH", message = "m" }).transient)
  end)

  it("reads as one line with target and hint", function()
    assert.equal("BUSY: taken", tostring(failure.new({ code = "BUSY", message = "taken" })))
    assert.equal("BUSY: taken (vme2); wait", tostring(failure.new({
      code = "BUSY", message = "taken", target = "vme2", hint = "wait",
    })))
    assert.equal("BUSY: vme2 is taken", tostring(failure.new({
      code = "BUSY", message = "vme2 is taken", target = "vme2",
    })))
  end)

  it("names the node that it is about, unless the message does", function()
    local f = failure.new({ code = "WMI_ACCESS", message = "access denied", node = "ms1" })
    assert.equal("WMI_ACCESS: ms1: access denied", tostring(f))
    assert.equal("ms1: access denied", failure.text(f))
    f.message = "access denied by ms10, pre-ms1 and ms1-a"
    assert.equal("ms1: access denied by ms10, pre-ms1 and ms1-a", failure.text(f))
    f.message, f.hint = "ms1 denied access", "ask for it"
    assert.equal("ms1 denied access", failure.text(f))
    assert.equal("WMI_ACCESS: ms1 denied access; ask for it", tostring(f))
    assert.has_error(function() failure.text({ message = "m" }) end)
  end)

  it("says who ExpEther Manager is, and leaves out a query where the node is known", function()
    assert.equal("ExpEther Manager: Unauthorized (0x8c)", failure.text(failure.new({
      code = "EEM_AUTH", message = "Unauthorized", target = "0x8c" })))
    local f = failure.new({ code = "WMI_FAULT", message = "no", target = "SELECT * FROM X" })
    assert.equal("no (SELECT * FROM X)", failure.text(f))
    f.node = "ms1"
    assert.equal("ms1: no", failure.text(f))
  end)

  it("keeps a long message, and details of any kind", function()
    local long = ("x"):rep(5000)
    local f = failure.new({ code = "REFUSED", message = long, details = { 1 } })
    assert.equal(long, f.message)
    assert.same({ 1 }, f.details)
  end)

  it("can be told from other values", function()
    assert.is_true(failure.is(failure.new({ code = "BUSY", message = "m" })))
    for _, value in ipairs({ {}, "BUSY", 1, setmetatable({}, { __name = "other" }) }) do
      assert.is_false(failure.is(value))
    end
    assert.is_false(failure.is())
  end)

  it("has a code of the table and no other fields", function()
    assert.error_matches(function() failure.new({ code = "NOPE", message = "m" }) end,
      "no failure code NOPE")
    assert.error_matches(function() failure.new({ code = "BUSY" }) end, '"message" is missing')
    assert.error_matches(function() failure.new({ code = "BUSY", message = "m", hin = "x" }) end,
      'no option "hin"; the options are: code, message, hint')
    assert.error_matches(function() failure.new({ code = "BUSY", message = 5 }) end,
      "message must be text, not number")
    assert.has_error(function() failure.new("BUSY") end)
  end)

  it("is raised as it is when raised again", function()
    local f = failure.new({ code = "BUSY", message = "m" })
    local ok, raised = pcall(failure.raise, f)
    assert.is_false(ok)
    assert.is_true(rawequal(f, raised))
    ok, raised = pcall(failure.raise, { code = "REFUSED", message = "no" })
    assert.is_false(ok)
    assert.equal("REFUSED", raised.code)
  end)

  it("has a table of codes in which each has source and meaning", function()
    local count = 0
    for code, entry in pairs(failure.codes) do
      count = count + 1
      assert.matches("^[A-Z_]+$", code)
      assert.is_true(#entry.source > 0 and #entry.meaning > 0, code)
      assert.is_boolean(entry.transient)
    end
    assert.is_true(count > 50)
  end)

  it("says of a code what else it means", function()
    local codes = failure.codes
    assert.is_true(codes.WMI_TIMEOUT.unreachable and codes.WMI_TIMEOUT.cut_short)
    assert.is_true(codes.NO_EVIDENCE.refusal and not codes.NO_DEVICE.refusal)
    assert.is_true(codes.WMI_AUTH.unknown and not codes.VM_BROKEN.unknown)
    assert.is_true(codes.WMI_JOB_LOST.settles and not codes.WMI_AUTH.settles)
    assert.are.equal("configuration", codes.WMI_AUTH.exit)
    assert.matches("takeover secret set", codes.WMI_AUTH.remedy)
    assert.is_nil(codes.NOT_REACHED.remedy)
    for _, unknown in ipairs({ "NOPE", 5, true }) do
      assert.is_nil(codes[unknown])
    end
  end)

  it("lets nobody change the table of codes", function()
    assert.error_matches(function() failure.codes.NEW = {} end, "read%-only")
    failure.codes.EEM_AUTH.transient = true -- in a copy
    assert.is_false(failure.codes.EEM_AUTH.transient)
  end)
end)

describe("loop.guard", function()
  it("gives true and every result", function()
    assert.same({ true, 1, nil, 3, n = 4 }, table.pack(loop.guard(function(...)
      return ...
    end, 1, nil, 3)))
    assert.same({ true, n = 1 }, table.pack(loop.guard(function() end)))
  end)

  it("makes a failure of a script's error, with its line", function()
    local ok, f = loop.guard(function()
      local nothing = nil
      return nothing.field
    end)
    assert.is_false(ok)
    assert.equal("SCRIPT_ERROR", f.code)
    assert.matches("failure_spec.lua:%d+: attempt to index a nil value", f.message)
    assert.matches("failure_spec.lua:%d+$", f.where)
    assert.matches("stack traceback", f.traceback)
  end)

  it("passes a failure on and adds the place", function()
    local raised = failure.new({ code = "BUSY", message = "m" })
    local ok, f = loop.guard(error, raised)
    assert.is_false(ok)
    assert.is_true(rawequal(raised, f))
    ok, f = loop.guard(function() failure.raise({ code = "BUSY", message = "m" }) end)
    assert.is_false(ok)
    assert.matches("failure_spec.lua:%d+$", f.where)
  end)

  it("takes errors of every type", function()
    for _, value in ipairs({ 5, {}, true, print }) do
      local ok, f = loop.guard(error, value)
      assert.is_false(ok)
      assert.equal("SCRIPT_ERROR", f.code)
    end
    assert.equal("SCRIPT_ERROR", select(2, loop.guard(error)).code)
    local hostile = setmetatable({}, { __tostring = function() error("again") end })
    assert.is_true(failure.is(select(2, loop.guard(error, hostile))))
  end)

  it("survives a stack that overflows", function()
    local function deeper()
      return 1 + deeper()
    end
    local ok, f = loop.guard(deeper)
    assert.is_false(ok)
    assert.matches("stack overflow", f.message)
  end)

  it("can be nested, and the inner one decides", function()
    assert.same({ true, false, "BUSY" }, { loop.guard(function()
      local ok, f = loop.guard(failure.raise, { code = "BUSY", message = "m" })
      return ok, f.code
    end) })
  end)
end)
