-- The native hyperv against the lab over sockets: from a configuration file to a registered machine
-- and back, on the node that has the disk.
local support = require("support.hyperv")

local VM, FILE, ROOT = support.VM, support.FILE, support.ROOT
local raises, misuse = support.raises, support.misuse
local NOBODY = "00000000-0000-0000-0000-000000000000"

describe("hyperv", function()
  local rig, h

  -- The disk is with ms2, where nothing is registered; h is there.
  local function start(options)
    rig = support.start(options)
    rig.lab.admin:give_disk("ms2")
    h = rig:hyperv("ms2", { job_timeout = 5 })
  end

  after_each(function()
    rig:stop()
  end)

  describe("definition", function()
    it("tells id and name without importing", function()
      start()
      assert.same({ id = VM, name = "vme2" }, h:definition(FILE))
      assert.same({}, h:planned_vms())
    end)

    it("raises where there is no configuration", function()
      start()
      local nothing = ROOT .. [[\Virtual Machines\nothing.vmcx]]
      local problem = raises("HYPERV_NO_DEFINITION", h.definition, h, nothing)
      assert.equal(nothing, problem.target)
      raises("HYPERV_NO_DEFINITION", h.definition, h, [[Z:\else\x.vmcx]])
      misuse(h.definition, h, "")
    end)

    it("tells a file that is in use from one that is not there", function()
      start()
      rig:fault({ target = "ms2", match = { method = "GetDefinitionFileSummaryInformation" },
        effect = "error", hresult = 0x80070020, text = "in use" })
      raises("HYPERV_IN_USE", h.definition, h, FILE)
    end)
  end)

  describe("import", function()
    it("gives a planned machine that keeps its id", function()
      start()
      local planned = h:import(FILE)
      assert.same({ VM, "vme2", true, "off" },
        { planned.id, planned.name, planned.planned, planned.state })
      assert.equal(VM, h:planned_vms()[1].id)
      assert.is_nil(h:find_vm(VM))
    end)

    it("finds the machine also where the host does not say what it has made", function()
      start()
      local hyper = rig.world:node("ms2").hyperv
      local import = hyper.import_definition
      hyper.import_definition = function(...)
        local code, job = import(...)
        job.affected = nil
        return code, job
      end
      assert.equal(VM, h:import(FILE).id)
    end)

    it("raises where the machine is there already, whatever the host's language", function()
      start()
      h:import(FILE)
      local problem = raises("HYPERV_EXISTS", h.import, h, FILE)
      assert.truthy(problem.message:find("already exists", 1, true))
      assert.is_false(problem.transient)
      rig:fault({ target = "ms2", match = { method = "ImportSystemDefinition" },
        effect = "job fails", text = "仮想マシンのインポートに失敗しました。" })
      problem = raises("HYPERV_EXISTS", h.import, h, FILE)
      assert.truthy(problem.hint:find("imported", 1, true))
    end)

    it("raises a transient failure where another node has the file", function()
      start()
      rig.world:node("ms2").files:find(FILE).locked = true
      local problem = raises("HYPERV_IN_USE", h.import, h, FILE)
      assert.is_true(problem.transient)
      assert.equal(32779, problem.hresult)
    end)

    it("raises where there is no such file", function()
      start()
      raises("HYPERV_NO_DEFINITION", h.import, h, ROOT .. [[\Virtual Machines\nothing.vmcx]])
    end)

    it("says that it does not know, when the job vanishes or the answer is lost", function()
      start()
      rig:fault({ target = "ms2", match = { method = "ImportSystemDefinition" }, times = 1,
        effect = "job vanishes" })
      assert.is_true(raises("WMI_JOB_LOST", h.import, h, FILE).maybe_executed)
      h:discard(VM)
      rig:fault({ target = "ms2", match = { method = "ImportSystemDefinition" }, times = 1,
        effect = "drop after" })
      local problem = raises("WMI_UNREACHABLE", h.import, h, FILE)
      assert.is_true(problem.maybe_executed)
      assert.is_true(h:discard(VM))
    end)

    it("ends when the time of a job is up", function()
      start()
      local hasty = rig:hyperv("ms2", { job_timeout = 0.5 })
      rig:fault({ target = "ms2", match = { method = "ImportSystemDefinition" },
        effect = "job hangs" })
      assert.is_true(raises("WMI_JOB_TIMEOUT", hasty.import, hasty, FILE).maybe_executed)
    end)

    it("names the snapshot folder that lies beside the machine's", function()
      start()
      local seen = {}
      local hyper = rig.world:node("ms2").hyperv
      local import = hyper.import_definition
      hyper.import_definition = function(self, path, snapshots, new_id)
        seen[#seen + 1] = snapshots or "none"
        assert.is_false(new_id)
        return import(self, path, snapshots, new_id)
      end
      h:import(FILE)
      h:discard(VM)
      h:import(FILE, { snapshots = [[D:\snapshots]] })
      h:discard(VM)
      rig:files("ms2"):copy(FILE, ROOT .. [[\else.vmcx]])
      h:import(ROOT .. [[\else.vmcx]])
      assert.same({ ROOT .. [[\Snapshots]], [[D:\snapshots]], "none" }, seen)
    end)
  end)

  describe("validate", function()
    it("finds nothing wrong with a machine that fits", function()
      start()
      assert.same({ ok = true, problems = {} }, h:validate(h:import(FILE)))
    end)

    it("lists problems with their numbers and raises nothing", function()
      start({ vms = { vme2 = { is_saved = true, adapters = { "only elsewhere" } } } })
      local verdict = h:validate(h:import(FILE))
      assert.is_false(verdict.ok)
      local codes = {}
      for i, problem in ipairs(verdict.problems) do
        codes[i] = problem.code
        assert.truthy(problem.message:find("not found", 1, true))
        assert.equal(VM, problem.source)
      end
      assert.same({ "40004", "40006", "33012" }, codes)
    end)

    it("lists a problem whose text looks like another failure", function()
      start()
      h:import(FILE)
      rig:fault({ target = "ms2", match = { method = "ValidatePlannedSystem" }, times = 1,
        effect = "job fails", text = "the file is in use (0x80070020)",
        errors = { { id = "Hyper-V-40010-x", text = "the file is in use (0x80070020)" } } })
      assert.same({ { code = "40010", message = "the file is in use (0x80070020)" } },
        h:validate(VM).problems)
    end)

    it("raises where there is nothing to validate or the way to the host is broken", function()
      start()
      raises("HYPERV_VM_NOT_FOUND", h.validate, h, VM)
      h:import(FILE)
      rig:fault({ target = "ms2", match = { method = "ValidatePlannedSystem" }, times = 1,
        effect = "job vanishes" })
      raises("WMI_JOB_LOST", h.validate, h, VM)
    end)

    it("counts a job that ended with warnings as done", function()
      start()
      h:import(FILE)
      rig:fault({ target = "ms2", match = { method = "ValidatePlannedSystem" },
        effect = "job warns" })
      assert.is_true(h:validate(VM).ok)
    end)
  end)

  describe("a planned machine", function()
    it("is set up in place and registered", function()
      start()
      local planned = h:import(FILE)
      assert.not_equal(ROOT, h:settings(planned).root)
      local places = { root = ROOT, snapshot_root = ROOT, swap_root = ROOT }
      assert.is_true(h:configure(planned, places))
      assert.is_false(h:configure(planned, places))
      local vm = h:realize(planned)
      assert.same({ VM, false, "off" }, { vm.id, vm.planned, vm.state })
      assert.equal(ROOT, h:settings(vm).root)
      assert.same({}, h:planned_vms())
      assert.equal(FILE:lower(), rig:record("ms2").file:lower())
    end)

    it("whose saved state has lost its file is freed from it", function()
      start({ vms = { vme2 = { is_saved = true } } })
      local planned = h:import(FILE)
      assert.equal("saved", planned.state)
      assert.is_true(h:clear_saved_state(planned))
      assert.is_false(h:clear_saved_state(planned))
      assert.is_true(h:validate(planned).ok)
      assert.is_false(h:settings(planned).saved_state)
    end)

    it("is not registered while something is wrong with it", function()
      start({ vms = { vme2 = { adapters = { "only elsewhere" } } } })
      local planned = h:import(FILE)
      local problem = raises("HYPERV_INVALID", h.realize, h, planned)
      assert.truthy(problem.message:find("only elsewhere", 1, true))
      assert.is_true(h:disconnect_adapter(planned, h:adapters(planned)[1].id))
      assert.equal(VM, h:realize(planned).id)
    end)

    it("is discarded once, and nothing else is", function()
      start()
      local planned = h:import(FILE)
      assert.is_true(h:discard(planned))
      assert.is_false(h:discard(planned))
      assert.is_false(h:discard(NOBODY))
      h:realize(h:import(FILE))
      assert.is_false(h:discard(VM)) -- a registered one is not meant
      assert.equal(VM, h:vm("vme2").id)
    end)

    it("that somebody discarded meanwhile cannot be registered", function()
      start()
      raises("HYPERV_VM_NOT_FOUND", h.realize, h, VM)
      local planned = h:import(FILE)
      h:discard(planned)
      raises("HYPERV_VM_NOT_FOUND", h.realize, h, planned)
    end)
  end)

  describe("unregister", function()
    local function registered()
      start()
      rig.lab.admin:give_disk("ms1")
      h = rig:hyperv("ms1")
    end

    it("removes the registration with its files, once", function()
      registered()
      assert.is_true(h:unregister(VM))
      assert.is_nil(h:find_vm(VM))
      assert.is_nil(rig:files():find(FILE))
      assert.truthy(rig:files():find(support.DISK))
      assert.is_false(h:unregister(VM))
    end)

    it("refuses a machine that runs, before anything is asked", function()
      registered()
      h:start(VM)
      local problem = raises("HYPERV_STATE", h.unregister, h, VM)
      assert.truthy(problem.message:find("running", 1, true))
      assert.equal(0, rig:count("DestroySystem"))
    end)

    it("does not take a planned machine for a registered one", function()
      start()
      h:import(FILE)
      assert.is_false(h:unregister(VM))
      assert.equal(1, #h:planned_vms())
    end)

    it("gives the host's refusal a code", function()
      registered()
      for number, code in pairs({ [32769] = "WMI_ACCESS", [32774] = "HYPERV_IN_USE",
        [4099] = "HYPERV_IN_USE", [32775] = "HYPERV_STATE", [5] = "HYPERV_STATE",
        [4097] = "HYPERV_STATE", [32778] = "HYPERV_RESOURCES", [2] = "WMI_METHOD_FAILED",
        [32768] = "WMI_METHOD_FAILED" }) do
        rig.world:node("ms1").hyperv.destroy = function()
          return number
        end
        local problem = raises(code, h.unregister, h, VM)
        assert.equal(number, problem.hresult)
      end
    end)

    it("is content when the machine has gone since it looked", function()
      registered()
      rig:fault({ match = { method = "DestroySystem" }, effect = "error", hresult = 0x80041002,
        text = "Not found" })
      assert.is_false(h:unregister(VM))
    end)
  end)

  describe("export", function()
    local target = [[G:\Backups\日本 語 'x']]

    before_each(function()
      start()
      rig.lab.admin:give_disk("ms1")
      h = rig:hyperv("ms1")
    end)

    it("writes the configuration alone, or with the disks", function()
      h:export(VM, target)
      local copy = target .. [[\Virtual Machines\]] .. VM .. ".vmcx"
      assert.same({ id = VM, name = "vme2" }, h:definition(copy))
      assert.is_nil(rig:files():find(target .. [[\Virtual Hard Disks\vme2.vhdx]]))
      h:export(VM, [[G:\Backups]], { with_disks = true, subdirectory = true })
      assert.truthy(rig:files():find([[G:\Backups\vme2\Virtual Hard Disks\vme2.vhdx]]))
    end)

    it("fails in the host's words", function()
      h:export(VM, target)
      local problem = raises("WMI_JOB_FAILED", h.export, h, VM, target)
      assert.truthy(problem.message:find("already exists", 1, true))
      raises("HYPERV_VM_NOT_FOUND", h.export, h, NOBODY, target)
      misuse(h.export, h, VM, target, { disks = true })
    end)
  end)
end)
