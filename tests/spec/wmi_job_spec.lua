local peer_module = require("wsman_peer")
local scheduler = require("core.scheduler")
local xml = require("xml")

local envelope, items, instance, output, failure_of = peer_module.envelope, peer_module.items,
  peer_module.instance, peer_module.output, peer_module.failure_of

local VM = 'Msvm_ComputerSystem.CreationClassName="Msvm_ComputerSystem",Name="A"'
local JOB = [[Msvm_ConcreteJob.InstanceID="J'1"]]

local STARTED = output("Do", "Msvm_ComputerSystem", [[<p:Job><a:Address>x</a:Address>
  <a:ReferenceParameters><w:ResourceURI>]] .. peer_module.V2 .. [[Msvm_ConcreteJob</w:ResourceURI>
  <w:SelectorSet><w:Selector Name="InstanceID">J'1</w:Selector></w:SelectorSet>
  </a:ReferenceParameters></p:Job><p:ReturnValue>4096</p:ReturnValue>]])

local function error_text(message, id)
  return ('<INSTANCE CLASSNAME="Msvm_Error"><PROPERTY NAME="Message" TYPE="string"><VALUE>%s'
    .. '</VALUE></PROPERTY><PROPERTY NAME="MessageID" TYPE="string"><VALUE>%s</VALUE></PROPERTY>'
    .. '<PROPERTY NAME="PerceivedSeverity" TYPE="uint16"><VALUE>5</VALUE></PROPERTY>'
    .. '<PROPERTY NAME="ErrorSource" TYPE="string"/></INSTANCE>'):format(message, id)
end

local function errors_answer(...)
  local parts = {}
  for i, text in ipairs({ ... }) do
    parts[i] = "<p:Errors>" .. xml.escape(text) .. "</p:Errors>"
  end
  return output("GetErrorEx", "Msvm_ConcreteJob", table.concat(parts)
    .. "<p:ReturnValue>0</p:ReturnValue>")
end

local function job(state, more)
  return items(instance("Msvm_ConcreteJob", ("<p:InstanceID>J'1</p:InstanceID><p:JobState>%d"
    .. "</p:JobState><p:PercentComplete>40</p:PercentComplete>%s"):format(state, more or "")))
end

describe("a method with a job", function()
  local peer

  -- `script`: answers to the polls, one after the other, the last for ever; `errors`: to GetErrorEx
  local function start(script, errors)
    local polls = 0
    peer = peer_module.start(function(request)
      if request.verb == "Do" then
        return STARTED
      elseif request.verb == "GetErrorEx" then
        return errors
      end
      polls = polls + 1
      local answer = script[math.min(polls, #script)]
      return type(answer) == "function" and answer(request) or answer
    end)
    return peer:connect()
  end

  after_each(function()
    if peer then
      peer:close()
      peer = nil
    end
  end)

  it("is followed until the job has completed", function()
    local c = start({ job(2), job(3), job(4), job(7) })
    local out = c:call(VM, "Do")
    assert.are.equal(4096, out.ReturnValue)
    assert.are.equal(JOB, out.Job)
    assert.are.equal(7, out.JobState)
    assert.is_nil(out.JobErrors)
    assert.are.equal(4, peer:count("Enumerate"))
    assert.are.equal(1, peer:count("Do"))
    assert.are.equal(0, peer:count("GetErrorEx"))
    assert.are.equal([[SELECT * FROM Msvm_ConcreteJob WHERE InstanceID='J\'1']],
      peer.requests[2].filter)
  end)

  it("leaves the host time between its looks", function()
    local times = {}
    local c = start({ function()
      times[#times + 1] = scheduler.now()
      return #times < 6 and job(4) or job(7)
    end })
    local began = scheduler.now()
    c:call(VM, "Do")
    assert.is_true(times[1] - began >= 0.002)
    for i = 2, 6 do -- no more than this can be said of a busy machine
      assert.is_true(times[i] - times[i - 1] > 0.04, i)
    end
  end)

  it("succeeds with warnings, which are in the outputs", function()
    local c = start({ job(32768) }, errors_answer(error_text("slow", "1")))
    local out = c:call(VM, "Do")
    assert.are.equal(32768, out.JobState)
    assert.are.same({ { __class = "Msvm_Error", Message = "slow", MessageID = "1",
      PerceivedSeverity = 5 } }, out.JobErrors)
  end)

  it("fails with the texts and the code of the job", function()
    local c = start({ job(10, "<p:ErrorCode>32768</p:ErrorCode><p:ErrorDescription>short"
      .. "</p:ErrorDescription>") },
      errors_answer(error_text("First &lt;one&gt;.", "40004"), error_text("Second", "2")))
    local failure = failure_of(c.call, c, VM, "Do")
    assert.are.equal("WMI_JOB_FAILED", failure.code)
    assert.are.equal("the job of Do failed: First <one>.; Second", failure.message)
    assert.are.equal(32768, failure.hresult)
    assert.are.equal(JOB, failure.target)
    assert.is_false(failure.transient)
    assert.is_nil(failure.maybe_executed)
    assert.are.equal("40004", failure.details.JobErrors[1].MessageID)
    assert.are.equal(10, failure.details.JobState)
    assert.are.equal("short", failure.details.JobErrorDescription)
  end)

  it("fails with the job's own description where there are no errors to be had", function()
    for _, errors in ipairs({
      output("GetErrorEx", "Msvm_ConcreteJob",
        '<p:Errors xsi:nil="true"/><p:ReturnValue>0</p:ReturnValue>'),
      peer_module.fault("s:X", "gone", peer_module.wsman_fault(0x80041002)),
    }) do
      local c = start({ job(10, "<p:ErrorDescription>It is\n broken.</p:ErrorDescription>") },
        errors)
      local failure = failure_of(c.call, c, VM, "Do")
      assert.are.equal("the job of Do failed: It is  broken", failure.message)
      peer:close()
    end
  end)

  it("keeps an error text that is not CIM-XML", function()
    local c = start({ job(10) }, errors_answer("plain words"))
    assert.are.equal("the job of Do failed: plain words", failure_of(c.call, c, VM, "Do").message)
  end)

  it("fails when the job was terminated or killed", function()
    for _, state in ipairs({ 8, 9 }) do
      local c = start({ job(state) }, errors_answer())
      local failure = failure_of(c.call, c, VM, "Do")
      assert.are.equal("WMI_JOB_FAILED", failure.code)
      assert.matches("was stopped", failure.message)
      peer:close()
    end
  end)

  it("is transient when the system was in use", function()
    local c = start({ job(10, "<p:ErrorCode>32774</p:ErrorCode>") }, errors_answer())
    assert.is_true(failure_of(c.call, c, VM, "Do").transient)
  end)

  it("is lost, never successful, when the job is no longer there", function()
    local c = start({ job(4), items() })
    local failure = failure_of(c.call, c, VM, "Do")
    assert.are.equal("WMI_JOB_LOST", failure.code)
    assert.is_true(failure.maybe_executed)
    assert.is_false(failure.transient)
  end)

  it("is lost when the job is not named", function()
    for _, reference in ipairs({ "", '<p:Job xsi:nil="true"/>' }) do
      peer = peer_module.start(function()
        return output("Do", "A", reference .. "<p:ReturnValue>4096</p:ReturnValue>")
      end)
      local c = peer:connect()
      local failure = failure_of(c.call, c, VM, "Do")
      assert.are.equal("WMI_JOB_LOST", failure.code)
      assert.is_true(failure.maybe_executed)
      peer:close()
    end
  end)

  it("times out while the job still runs", function()
    local c = start({ job(4) })
    local failure = failure_of(c.call, c, VM, "Do", nil, { timeout = 0.08 })
    assert.are.equal("WMI_JOB_TIMEOUT", failure.code)
    assert.is_true(failure.maybe_executed)
    assert.matches("state 4, 40%%", failure.message)
    assert.are.equal(1, peer:count("Do"))
  end)

  it("goes on after a poll that could not be answered", function()
    local tries = 0
    local c = start({ function(request)
      tries = tries + 1
      if tries <= 2 then
        request.http.close()
        return nil
      end
      return job(7)
    end })
    assert.are.equal(7, c:call(VM, "Do").JobState)
  end)

  it("gives up when the polls keep failing, and says that it may have been executed", function()
    local c = start({ envelope("<a:Nothing/>") })
    local failure = failure_of(c.call, c, VM, "Do")
    assert.are.equal("WMI_BAD_ANSWER", failure.code)
    assert.is_true(failure.maybe_executed)
    assert.are.equal(1, peer:count("Enumerate"))
    peer:close()
    c = start({ function(request)
      request.http.close()
    end })
    failure = failure_of(c.call, c, VM, "Do", nil, { timeout = 1 })
    assert.are.equal("WMI_UNREACHABLE", failure.code)
    assert.is_true(failure.maybe_executed)
  end)

  it("is not followed with wait = false", function()
    local c = start({})
    local out = c:call(VM, "Do", nil, { wait = false })
    assert.are.equal(JOB, out.Job)
    assert.are.equal(1, #peer.requests)
  end)

  it("says in words what a return value means", function()
    local cases = {
      { 4099, "busy", true }, { 32774, "in use", true }, { 32775, "invalid state", true },
      { 32777, "not available", true }, { 32778, "out of memory", false },
      { 2, "failed", false }, { 32773, "invalid parameter", false }, { 1234, nil, false },
    }
    for _, case in ipairs(cases) do
      local number, words, transient = table.unpack(case, 1, 3)
      peer = peer_module.start(function()
        return output("Do", "A", ("<p:ReturnValue>%d</p:ReturnValue>"):format(number))
      end)
      local c = peer:connect()
      local failure = failure_of(c.call, c, VM, "Do")
      assert.are.equal("WMI_METHOD_FAILED", failure.code)
      assert.are.equal(number, failure.hresult)
      assert.are.equal(transient, failure.transient)
      assert.matches("Do returned " .. number, failure.message)
      assert.matches(words or "%d$", failure.message)
      assert.are.equal(number, failure.details.ReturnValue)
      peer:close()
    end
  end)

  it("knows the shutdown component's own return values, and no words for other classes", function()
    local function message(path, number)
      peer = peer_module.start(function()
        return output("Do", "A", ("<p:ReturnValue>%d</p:ReturnValue>"):format(number))
      end)
      local c = peer:connect()
      local failure = failure_of(c.call, c, path, "Do")
      peer:close()
      peer = nil
      return failure.message
    end
    assert.are.equal("Do returned 32781 (the guest is locked)",
      message('Msvm_ShutdownComponent.DeviceID="x"', 32781))
    assert.are.equal("Do returned 2", message('CIM_DataFile.Name="x"', 2))
  end)
end)
