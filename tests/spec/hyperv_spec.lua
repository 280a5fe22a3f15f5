-- The native hyperv against the lab over sockets: looking at machines, their settings and parts.
-- Import, power and devices have specs of their own.
local hyperv = require("hyperv")
local support = require("support.hyperv")

local VM, raises, misuse = support.VM, support.raises, support.misuse

describe("hyperv", function()
  local rig, h

  local function start(options)
    rig = support.start(options)
    h = rig:hyperv()
  end

  after_each(function()
    rig:stop()
  end)

  describe("looking at machines", function()
    it("tells the host's name", function()
      start()
      assert.same({ name = "MS1" }, h:host())
    end)

    it("lists machines without the host, which is among Hyper-V's systems too", function()
      start()
      local vms = h:vms()
      assert.equal(1, #vms)
      assert.same({ id = VM, name = "vme2", state = "off", health = "ok", status = "ok",
        uptime = 0.0, planned = false }, vms[1])
      assert.same({}, h:planned_vms())
    end)

    it("finds a machine by name, by id in any case and by an earlier answer", function()
      start()
      for _, wanted in ipairs({ "vme2", VM, VM:lower(), "{" .. VM .. "}", h:vm("vme2") }) do
        assert.equal(VM, h:vm(wanted).id)
        assert.equal(VM, h:find_vm(wanted).id)
      end
    end)

    it("gives nil or raises for a machine that is not there", function()
      start()
      assert.is_nil(h:find_vm("nobody"))
      assert.is_nil(h:find_vm("00000000-0000-0000-0000-000000000000"))
      assert.equal("nobody", raises("HYPERV_VM_NOT_FOUND", h.vm, h, "nobody").target)
    end)

    it("says so when several machines have one name", function()
      local other = "11111111-3B61-4C1D-9E57-5D2B8C6F1A42"
      start({ cluster = support.cluster({ {}, { id = other } }) })
      local problem = raises("HYPERV_AMBIGUOUS", h.find_vm, h, "vme2")
      assert.truthy(problem.hint:find(VM, 1, true))
      assert.truthy(problem.hint:find(other, 1, true))
      assert.equal(other, h:vm(other).id)
    end)

    it("handles names with quotes, backslashes, blanks and other scripts", function()
      local names = { "計算 ノード #1 (GPU)", [[it's a "quoted" \ name]], " 100% _x_ [a] " }
      local vms = {}
      for i, name in ipairs(names) do
        vms[i] = { name = name, id = ("%08d-0000-4000-8000-000000000000"):format(i) }
      end
      start({ cluster = support.cluster(vms) })
      for i, name in ipairs(names) do
        assert.same({ vms[i].id, name }, { h:vm(name).id, h:vm(name).name })
      end
    end)

    it("says states in words, whatever the numbers of this Windows version are", function()
      start()
      local words = {
        [2] = "running", [3] = "off", [4] = "stopping", [6] = "saved", [9] = "paused",
        [10] = "starting", [32773] = "saving", [32776] = "pausing", [32777] = "resuming",
        [32779] = "saved", [32780] = "saving", [32781] = "critical", [32792] = "critical",
        [0] = "unknown", [1] = "unknown", [32768] = "paused", [32769] = "saved",
      }
      for number, word in pairs(words) do
        rig:record().state = number
        assert.equal(word, h:vm(VM).state, tostring(number))
      end
    end)

    it("shows that the configuration's disk is gone", function()
      start()
      rig.lab.admin:give_disk(nil)
      local vm = h:vm(VM)
      assert.equal("critical", vm.state)
      assert.equal("degraded", vm.status)
    end)

    it("tells how long a machine runs", function()
      start()
      h:start(VM)
      assert.is_true(h:vm(VM).uptime < 60)
    end)
  end)

  describe("settings", function()
    it("are told in words and in sizes with a unit", function()
      start()
      assert.same({
        stop_action = "save", start_action = "if was running", recovery_action = "restart",
        cache_types = false, low_mmio = "128MiB", high_mmio = "512MiB", saved_state = false,
        root = support.ROOT, snapshot_root = support.ROOT, generation = 2, version = "10.0",
        file = "Virtual Machines\\" .. VM .. ".vmcx", checkpoints = "production with fallback",
        dynamic_memory = false,
      }, h:settings(VM))
    end)

    it("of a machine that is not there are a failure", function()
      start()
      raises("HYPERV_VM_NOT_FOUND", h.settings, h, "00000000-0000-0000-0000-000000000000")
      raises("HYPERV_VM_NOT_FOUND", h.settings, h, { id = VM, planned = true })
    end)

    it("are changed in one call that sends only what differs", function()
      start()
      local wanted = { stop_action = "turn off", start_action = "none", cache_types = true,
        low_mmio = "3GiB", high_mmio = "33280MiB", checkpoints = "disabled" }
      assert.is_true(h:configure(VM, wanted))
      local settings = h:settings(VM)
      for name, value in pairs(wanted) do
        assert.equal(value, settings[name], name)
      end
      assert.equal(1, rig:count("ModifySystemSettings"))
      assert.is_true(h:configure(VM, { stop_action = "save", cache_types = true }))
      assert.equal("save", h:settings(VM).stop_action)
    end)

    it("are left alone where all is already so", function()
      start()
      assert.is_false(h:configure(VM, { stop_action = "save", low_mmio = "128MiB",
        cache_types = false }))
      assert.is_false(h:configure(VM, {}))
      assert.equal(0, rig:count("ModifySystemSettings"))
    end)

    it("that need the machine off say so while it runs", function()
      start({ vms = { vme2 = { running = true } } })
      local problem = raises("HYPERV_STATE", h.configure, h, VM, { cache_types = true })
      assert.equal(32775, problem.hresult)
      assert.is_true(h:configure(VM, { stop_action = "turn off" }))
      -- Hyper-V may say no more than "failed"
      rig.world:node("ms1").hyperv.modify_system = function()
        return 32768
      end
      problem = raises("HYPERV_STATE", h.configure, h, VM, { stop_action = "save",
        low_mmio = "1GiB" })
      assert.truthy(problem.hint:find("running", 1, true))
    end)

    it("that a host refuses are a failure with its words", function()
      start()
      rig:job_fails("ModifySystemSettings", "this cannot be")
      local problem = raises("WMI_JOB_FAILED", h.configure, h, VM, { stop_action = "turn off" })
      assert.truthy(problem.message:find("this cannot be", 1, true))
      assert.equal(VM, problem.target)
    end)

    it("about folders are for planned machines only, and nothing is sent", function()
      start()
      raises("HYPERV_STATE", h.configure, h, VM, { root = [[D:\else]] })
      assert.equal(0, rig:count("ModifySystemSettings"))
      assert.is_false(h:configure(VM, { root = "g:/hyper-v/VME2/" })) -- the same place
    end)

    it("with mistakes raise on the script's line", function()
      start()
      local text = misuse(function() h:configure(VM, { stop_action = "power off" }) end)
      assert.truthy(text:find("hyperv_spec.lua:%d+: .*\"turn off\""), text)
      assert.truthy(misuse(h.configure, h, VM, { memory = 1 }):find("low_mmio", 1, true))
      assert.truthy(misuse(h.configure, h, VM, { low_mmio = "1KiB" }):find("MiB", 1, true))
      misuse(h.configure, h, VM, { low_mmio = "0MiB" })
      misuse(h.configure, h, VM, { low_mmio = 3 })
      misuse(h.configure, h, VM, { cache_types = "yes" })
      misuse(h.configure, h, VM)
    end)
  end)

  describe("disks", function()
    it("are listed and linked to another file", function()
      start({ vms = { vme2 = { disks = { support.DISK, [[C:\iso\tools.iso]] } } } })
      local disks = h:disks(VM)
      assert.equal(2, #disks)
      assert.same({ "disk", support.DISK }, { disks[1].kind, disks[1].path })
      assert.same({ "iso", [[C:\iso\tools.iso]] }, { disks[2].kind, disks[2].path })
      local long = [[G:\]] .. ("日本 語'\\"):rep(60) .. "vme2.vhdx"
      assert.is_true(h:relink_disk(VM, disks[1].id, long))
      assert.equal(long, h:disks(VM)[1].path)
      assert.is_false(h:relink_disk(VM, disks[1].id, long))
      assert.equal(1, rig:count("ModifyResourceSettings"))
    end)

    it("that are not the machine's are not touched", function()
      start()
      raises("WMI_NOT_FOUND", h.relink_disk, h, VM, "Microsoft:else", [[G:\x.vhdx]])
      assert.equal(0, rig:count("ModifyResourceSettings"))
    end)
  end)

  describe("network adapters", function()
    it("whose switch is missing on this host are seen and disconnected", function()
      start({ vms = { vme2 = { adapters = { "vSwitch", "only elsewhere" } } } })
      local adapters = h:adapters(VM)
      assert.same({ "vSwitch", true, true },
        { adapters[1].switch, adapters[1].connected, adapters[1].present })
      assert.same({ "only elsewhere", true, false },
        { adapters[2].switch, adapters[2].connected, adapters[2].present })
      assert.is_true(h:disconnect_adapter(VM, adapters[2].id))
      assert.is_false(h:adapters(VM)[2].connected)
      assert.is_true(h:adapters(VM)[1].connected)
      assert.is_false(h:disconnect_adapter(VM, adapters[2].id))
      assert.equal(1, rig:count("ModifyResourceSettings"))
      raises("WMI_NOT_FOUND", h.disconnect_adapter, h, VM, "Microsoft:else")
    end)
  end)

  describe("jobs", function()
    local function at_work(operation, ...)
      start({ latency = { destroy = 60, dismount = 60, import = 60 } })
      local host = rig.world:node("ms1").hyperv
      local code = host[operation](host, ...)
      assert.equal(4096, code)
    end

    it("are none where nothing is under way, or all has ended", function()
      start()
      assert.same({}, h:jobs())
      h:start(VM)
      assert.same({}, h:jobs())
    end)

    it("name the machine they work on, planned ones too", function()
      at_work("destroy", VM:lower())
      local job = h:jobs()[1]
      assert.equal(1, #h:jobs())
      assert.equal("running", job.state)
      assert.equal("destroy", job.name)
      assert.equal(VM, job.vm)
      assert.is_nil(job.type)
      assert.equal("integer", math.type(job.percent))
      assert.truthy(job.id:find("^%x+%-"))

      rig:stop()
      start({ vms = { vme2 = { registered = {} } }, latency = { validate = 60 } })
      local planned = h:import(support.FILE)
      rig.world:node("ms1").hyperv:validate_planned(planned.id)
      job = h:jobs()[1]
      assert.same({ 140, VM }, { job.type, job.vm })
    end)

    it("of devices and of files name none", function()
      at_work("dismount", { location = "PCIROOT(0)", instance = "PCI" })
      assert.same({ 260, nil }, { h:jobs()[1].type, h:jobs()[1].vm })
    end)

    it("that are gone before their machine was asked for are left out", function()
      at_work("destroy", VM)
      local rule = { match = { query = "~^ASSOCIATORS" }, effect = "error", hresult = 0x80041002 }
      rig:fault(rule)
      assert.same({}, h:jobs())
      rig.world.faults:clear()
      rule.hresult = 0x80041003
      rig:fault(rule)
      raises("WMI_ACCESS", h.jobs, h)
    end)
  end)

  describe("the handle", function()
    it("wants a connection to Hyper-V's namespace", function()
      start()
      assert.truthy(misuse(hyperv.open, rig:wmi("ms1", "root/cimv2")):find("virtualization"))
      misuse(hyperv.open, nil)
      misuse(hyperv.open, rig:wmi(), { timeout = 3 })
    end)

    it("is of no use after close, which leaves the connection open", function()
      start()
      local connection = rig:wmi()
      local other <close> = hyperv.open(connection)
      other:close()
      other:close()
      assert.truthy(misuse(other.vms, other):find("closed", 1, true))
      assert.equal(2, #connection:query("SELECT * FROM Msvm_ComputerSystem"))
    end)

    it("outlives the connection's own handle", function()
      start()
      local connection = rig:wmi()
      local other <close> = hyperv.open(connection)
      connection:close()
      assert.equal(VM, other:vm("vme2").id)
    end)

    it("refuses what is no machine", function()
      start()
      for _, nothing in ipairs({ 1, "vme2", {}, { id = "vme2" }, true }) do
        misuse(h.start, h, nothing)
        misuse(h.settings, h, nothing)
      end
      misuse(h.vm, h, "")
      misuse(h.vm, h, "a\0b")
    end)

    it("asks for the service's path once", function()
      start()
      h:definition(support.FILE)
      local before = rig:count("Enumerate")
      h:definition(support.FILE)
      assert.equal(before, rig:count("Enumerate"))
    end)

    it("passes on what happens on the way to the host", function()
      start()
      rig:fault({ match = { verb = "Enumerate" }, effect = "drop", times = 5 })
      assert.is_true(raises("WMI_UNREACHABLE", h.vms, h).transient)
    end)

    it("says what is missing on a host without Hyper-V", function()
      start()
      rig:fault({ match = { query = "~Msvm_VirtualSystemManagementService" }, effect = "error",
        hresult = 0x8004100E, text = "no namespace" })
      raises("WMI_BAD_CLASS", h.host, h)
    end)
  end)
end)
