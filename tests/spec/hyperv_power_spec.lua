-- The native hyperv against the lab over sockets: power, saved states, and what guests tell.
local support = require("support.hyperv")

local VM, raises, misuse = support.VM, support.raises, support.misuse
local NOBODY = "00000000-0000-0000-0000-000000000000"

describe("hyperv", function()
  local rig, h

  local function start(options)
    rig = support.start(options)
    h = rig:hyperv("ms1", { job_timeout = 5 })
  end

  after_each(function()
    rig:stop()
  end)

  describe("start", function()
    it("runs a machine and returns when its job has ended", function()
      start({ latency = { start = 0.03 } })
      assert.is_true(h:start(VM))
      assert.equal("running", h:vm(VM).state)
    end)

    it("does nothing where it runs or starts already", function()
      start({ vms = { vme2 = { running = true } } })
      assert.is_false(h:start(VM))
      rig:record().state = 10
      assert.is_false(h:start(VM))
      assert.equal(0, rig:count("RequestStateChange"))
    end)

    it("lets a paused machine go on", function()
      start({ vms = { vme2 = { running = true } } })
      rig:record().state = 9
      assert.is_true(h:start(VM))
      assert.equal("running", h:vm(VM).state)
    end)

    it("of nobody is a failure", function()
      start()
      raises("HYPERV_VM_NOT_FOUND", h.start, h, NOBODY)
    end)

    it("works where Hyper-V needs no job", function()
      start({ switches = { jobs = "when slow" } })
      assert.is_true(h:start(VM))
      assert.is_true(h:turn_off(VM))
    end)

    it("tells apart why a machine does not start", function()
      start()
      local function check(code, text, hint)
        rig.world.faults:clear()
        rig:job_fails("RequestStateChange", text)
        local problem = raises(code, h.start, h, VM)
        assert.truthy(problem.message:find(text, 1, true), problem.message)
        if hint then
          assert.truthy(problem.hint:find(hint, 1, true), problem.hint)
        end
        assert.equal(VM, problem.target)
        return problem
      end
      check("HYPERV_DEVICE_GONE", "'vme2': Element not found. (0x80070490)", "assignment")
      check("HYPERV_DEVICE_GONE", "デバイスがありません (0x80070490)")
      check("HYPERV_RESOURCES", "not enough memory (0x8007000E)", "memory")
      check("HYPERV_RESOURCES", "insufficient system resources (0x800705AA)")
      check("HYPERV_RESOURCES", "upper MMIO region above supported physical address range")
      check("HYPERV_ACCESS", "General access denied error (0x80070005)", "icacls")
      check("HYPERV_ACCESS", "アカウントに必要なアクセス許可がありません (0x80070005)")
      check("HYPERV_ACCESS", "does not have the required security settings")
      check("HYPERV_NOT_ASSIGNABLE", "feature unavailable to user (0xC035001E)", "Windows Server")
      check("HYPERV_IN_USE", "is being used by another process (0x80070020)")
      check("WMI_JOB_FAILED", "something never seen (0x8007FFFF)")
    end)

    it("sees the real reasons of the simulated host", function()
      start()
      rig.world:node("ms1").files:find(support.DISK).denied = true
      raises("HYPERV_ACCESS", h.start, h, VM)
      rig.world:node("ms1").files:find(support.DISK).denied = nil
      rig:record().config.memory = 1 << 20
      raises("HYPERV_RESOURCES", h.start, h, VM)
    end)

    it("gives refusals a code", function()
      start()
      for number, code in pairs({ [32775] = "HYPERV_STATE", [4097] = "HYPERV_STATE",
        [32769] = "WMI_ACCESS", [32778] = "HYPERV_RESOURCES", [32768] = "WMI_METHOD_FAILED" }) do
        rig.world:node("ms1").hyperv.request_state = function()
          return number
        end
        assert.equal(number, raises(code, h.start, h, VM).hresult)
      end
    end)

    it("says that it may have happened when no answer came", function()
      start()
      rig:fault({ match = { method = "RequestStateChange" }, effect = "drop after", times = 1 })
      local problem = raises("WMI_UNREACHABLE", h.start, h, VM)
      assert.is_true(problem.maybe_executed)
      assert.is_false(h:start(VM))
    end)

    it("says so when the machine has gone since it looked", function()
      start()
      rig:fault({ match = { method = "RequestStateChange" }, effect = "error",
        hresult = 0x80041002, text = "Not found" })
      raises("HYPERV_VM_NOT_FOUND", h.start, h, VM)
    end)
  end)

  describe("turn_off", function()
    it("stops a machine at once, and only once", function()
      start({ vms = { vme2 = { running = true } } })
      assert.is_true(h:turn_off(VM))
      assert.equal("off", h:vm(VM).state)
      assert.is_false(h:turn_off({ id = VM:lower() }))
      assert.equal(1, rig:count("RequestStateChange"))
    end)

    it("takes a saved machine's saved state with it", function()
      start({ vms = { vme2 = { is_saved = true, saved_file = true } } })
      assert.equal("saved", h:vm(VM).state)
      assert.is_true(h:turn_off(VM))
      assert.equal("off", h:vm(VM).state)
    end)

    it("is possible while the configuration's disk is gone", function()
      start({ vms = { vme2 = { running = true } }, latency = { critical = 60, turn_off = 0 } })
      rig.lab.admin:give_disk(nil)
      assert.equal("critical", h:vm(VM).state)
      assert.is_true(h:turn_off(VM))
    end)
  end)

  describe("clear_saved_state", function()
    it("turns a saved machine off, and leaves others alone", function()
      start({ vms = { vme2 = { is_saved = true } } })
      assert.is_true(h:settings(VM).saved_state)
      assert.is_true(h:clear_saved_state(VM))
      assert.same({ "off", false }, { h:vm(VM).state, h:settings(VM).saved_state })
      assert.is_false(h:clear_saved_state(VM))
      h:start(VM)
      assert.is_false(h:clear_saved_state(VM))
      assert.equal("running", h:vm(VM).state)
      raises("HYPERV_VM_NOT_FOUND", h.clear_saved_state, h, NOBODY)
    end)

    it("also asks where only the configuration names a saved state", function()
      start()
      rig:record().config.is_saved = true
      raises("HYPERV_STATE", h.clear_saved_state, h, VM) -- the lab's host finds nothing to do
      assert.equal(1, rig:count("RequestStateChange"))
    end)
  end)

  describe("shutdown", function()
    local function running(options)
      start({ vms = { vme2 = { running = true } }, latency = options })
      rig:record().booted = true
    end

    it("returns when the guest has taken the request; off comes later", function()
      running({ shutdown = 30 })
      assert.is_true(h:shutdown(VM, { reason = "it's <over> & \"done\" 日本" }))
      assert.equal("stopping", h:vm(VM).state)
      assert.is_false(h:shutdown(VM))
      assert.equal(1, rig:count("InitiateShutdown"))
    end)

    it("does nothing where the machine is off", function()
      start()
      assert.is_false(h:shutdown(VM))
      raises("HYPERV_VM_NOT_FOUND", h.shutdown, h, NOBODY)
    end)

    it("cannot reach a guest that is paused or saved", function()
      running()
      rig:record().state = 9
      raises("HYPERV_STATE", h.shutdown, h, VM)
    end)

    it("needs force where somebody works at the guest", function()
      running()
      rig.lab.admin:admin("guest", { vm = "vme2", locked = true })
      local problem = raises("HYPERV_GUEST", h.shutdown, h, VM)
      assert.equal(32781, problem.hresult)
      assert.truthy(problem.hint:find("force", 1, true))
      assert.is_true(problem.transient)
      assert.is_true(h:shutdown(VM, { force = true }))
    end)

    it("raises where the guest does not listen", function()
      running()
      rig:record().booted = false
      assert.equal(32780, raises("HYPERV_GUEST", h.shutdown, h, VM).hresult)
      rig.world:node("ms1").hyperv.initiate_shutdown = function()
        return 32779
      end
      assert.equal(32779, raises("HYPERV_GUEST", h.shutdown, h, VM).hresult)
      rig.world:node("ms1").hyperv.initiate_shutdown = function()
        return 32782
      end
      assert.equal(32782, raises("HYPERV_GUEST", h.shutdown, h, VM).hresult)
    end)

    it("raises where the guest has no shutdown service", function()
      running()
      rig.world:node("ms1").hyperv.active = function()
        return false
      end
      local problem = raises("HYPERV_GUEST", h.shutdown, h, VM)
      assert.equal(0, rig:count("InitiateShutdown"))
      assert.equal(VM, problem.target)
    end)

    it("takes only the options that there are", function()
      start()
      misuse(h.shutdown, h, VM, { hard = true })
    end)
  end)

  describe("heartbeat", function()
    it("is a word", function()
      start()
      assert.equal("none", h:heartbeat(VM))
      h:start(VM)
      assert.equal("ok", h:heartbeat(VM))
      local hyper = rig.world:node("ms1").hyperv
      for number, word in pairs({ [3] = "degraded", [7] = "error", [12] = "no contact",
        [13] = "lost", [15] = "paused", [99] = "error" }) do
        hyper.heartbeat = function()
          return number
        end
        assert.equal(word, h:heartbeat(VM))
      end
    end)

    it("of nobody is a failure", function()
      start()
      raises("HYPERV_VM_NOT_FOUND", h.heartbeat, h, NOBODY)
    end)
  end)

  describe("guest_items", function()
    it("are read, whatever is in them", function()
      start()
      assert.same({ intrinsic = {}, own = {} }, h:guest_items(VM))
      h:start(VM)
      local odd = "a <b> & \"c\" ]]> 日本\n\ttab"
      rig.world:node("ms1").hyperv.guest_items = function()
        return { intrinsic = { { "OSName", "Windows" } },
          own = { { "odd", odd }, { "empty", "" } } }
      end
      assert.same({ intrinsic = { OSName = "Windows" }, own = { odd = odd, empty = "" } },
        h:guest_items(VM))
      raises("HYPERV_VM_NOT_FOUND", h.guest_items, h, NOBODY)
    end)
  end)
end)
