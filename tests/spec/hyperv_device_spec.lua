-- The native hyperv against the lab over sockets: a GPU from the host to a machine and back.
local support = require("support.hyperv")

local VM, raises, misuse = support.VM, support.raises, support.misuse
local OTHER_VM = "11111111-3B61-4C1D-9E57-5D2B8C6F1A42"
local NOBODY = "00000000-0000-0000-0000-000000000000"

describe("hyperv", function()
  local rig, h, p, gpu

  -- The GPU is in ms1's tree with its driver disabled; the machine is ready for it.
  local function start(options)
    options = options or {}
    options.vms = options.vms or { vme2 = { prepared = true } }
    rig = support.start(options)
    h, p = rig:hyperv("ms1", { job_timeout = 5 }), rig:pnp()
    rig:connect()
    gpu = p:devices({ vendor = "10de", device = "1f08" })[1]
    p:disable(gpu.id)
  end

  local function dismount()
    return h:dismount({ instance = gpu.id, location = gpu.location, force = true })
  end

  -- The list of assignable devices is empty the next `looks` times.
  local function lag(looks)
    local host = rig.world:node("ms1").hyperv
    function host.assignable(self)
      looks = looks - 1
      if looks < 0 then
        self.assignable = nil
      end
      return looks < 0 and self:assignable() or {}
    end
  end

  local function pcip()
    return p:devices({ vendor = "10de", device = "1f08" })[1]
  end

  after_each(function()
    rig:stop()
  end)

  describe("dismount", function()
    it("takes a device from the host, once", function()
      start()
      assert.same({}, h:assignable_devices())
      assert.is_true(dismount())
      assert.same({ { location = gpu.location, instance = pcip().id, vendor = "10de",
        device = "1f08", in_use = false } }, h:assignable_devices())
      assert.truthy(pcip().dismounted)
      assert.is_false(dismount())
      assert.is_false(h:dismount({ location = gpu.location:lower() }))
      assert.equal(1, rig:count("DismountAssignableDevice"))
    end)

    it("finds the device by its location alone, and needs no answer with a path", function()
      start({ switches = { device_paths_out = "empty" } })
      assert.is_true(h:dismount({ location = gpu.location, force = true }))
      assert.equal(1, #h:assignable_devices())
    end)

    it("tells apart why a device is not given up", function()
      start()
      local problem = raises("HYPERV_NOT_ASSIGNABLE", h.dismount, h,
        { instance = gpu.id, location = gpu.location })
      assert.truthy(problem.hint:find("force", 1, true))
      assert.equal(gpu.location, problem.target)
      p:enable(gpu.id)
      problem = raises("HYPERV_IN_USE", dismount)
      assert.truthy(problem.hint:find("driver", 1, true))
      p:disable(gpu.id)
      rig.world:node("ms1").os_pci_control = false
      problem = raises("HYPERV_NOT_ASSIGNABLE", dismount)
      assert.truthy(problem.hint:find("firmware", 1, true))
      raises("HYPERV_DEVICE_GONE", h.dismount, h, { location = "PCIROOT(99)#PCI(0000)" })
    end)

    it("gives the service's refusals a code", function()
      start()
      for number, code in pairs({ [32770] = "HYPERV_NOT_ASSIGNABLE", [32779] = "HYPERV_DEVICE_GONE",
        [32769] = "WMI_ACCESS", [32768] = "WMI_METHOD_FAILED" }) do
        rig.world:node("ms1").hyperv.dismount = function()
          return number
        end
        assert.equal(number, raises(code, dismount).hresult)
      end
    end)

    it("takes a table with a location", function()
      start()
      misuse(h.dismount, h, {})
      misuse(h.dismount, h, { location = "" })
      misuse(h.dismount, h, gpu.location)
      misuse(h.mount, h, { location = gpu.location, force = true })
    end)
  end)

  describe("mount", function()
    it("gives a device back to the host, disabled, once", function()
      start()
      dismount()
      assert.is_true(h:mount({ location = gpu.location, instance = pcip().id }))
      assert.same({}, h:assignable_devices())
      local back = pcip()
      assert.same({ "disabled", false }, { back.status, back.dismounted })
      assert.is_false(h:mount({ location = gpu.location }))
      assert.equal(1, rig:count("MountAssignableDevice"))
    end)

    it("waits for a list that lags behind when the caller has seen the device", function()
      start()
      dismount()
      local instance = pcip().id
      lag(1)
      assert.is_false(h:mount({ location = gpu.location }))
      lag(2)
      assert.is_true(h:mount({ location = gpu.location, instance = instance }))
    end)

    it("refuses a device that a machine has", function()
      start()
      dismount()
      h:assign(VM, gpu.location)
      local problem = raises("HYPERV_IN_USE", h.mount, h, { location = gpu.location })
      assert.truthy(problem.hint:find("assignment", 1, true))
      assert.equal(0, rig:count("MountAssignableDevice"))
    end)
  end)

  describe("assign", function()
    it("gives a dismounted device to a machine that is off, once", function()
      start()
      dismount()
      assert.same({}, h:assigned(VM))
      assert.is_true(h:assign(VM, gpu.location))
      local assigned = h:assigned(VM)
      assert.equal(1, #assigned)
      assert.truthy(assigned[1].id:find("^Microsoft:" .. VM:gsub("%-", "%%-") .. "\\"))
      assigned[1].id = nil
      assert.same({ location = gpu.location, instance = pcip().id, vendor = "10de", device = "1f08",
        present = true }, assigned[1])
      assert.is_false(h:assign(VM, gpu.location))
      assert.equal(1, rig:count("AddResourceSettings"))
      local listed = h:assignable_devices()
      assert.same({ 1, true }, { #listed, listed[1].in_use })
      assert.is_true(h:start(VM))
    end)

    it("waits while the list of assignable devices lags behind", function()
      start()
      dismount()
      lag(2)
      assert.is_true(h:assign(VM, gpu.location))
    end)

    it("does nothing to a machine that runs", function()
      start()
      dismount()
      h:start(VM)
      local problem = raises("HYPERV_STATE", h.assign, h, VM, gpu.location)
      assert.truthy(problem.message:find("running", 1, true))
      assert.equal(0, rig:count("AddResourceSettings"))
      raises("HYPERV_VM_NOT_FOUND", h.assign, h, NOBODY, gpu.location)
    end)

    it("refuses a device that another machine has", function()
      start({ cluster = support.cluster({ { prepared = true },
        { prepared = true, name = "other", id = OTHER_VM } }), vms = {} })
      dismount()
      h:assign(OTHER_VM, gpu.location)
      assert.equal(gpu.location, raises("HYPERV_IN_USE", h.assign, h, VM, gpu.location).target)
      assert.equal(1, #h:assigned(OTHER_VM))
      assert.same({}, h:assigned(VM))
    end)

    it("says what is missing", function()
      start({ vms = { vme2 = { prepared = false } } })
      dismount()
      local problem = raises("HYPERV_NOT_ASSIGNABLE", h.assign, h, VM, gpu.location)
      assert.truthy(problem.message:find("automatic stop action", 1, true))
      assert.truthy(problem.hint:find("turn off", 1, true))
    end)

    it("says so when the device vanished since it was listed", function()
      start()
      dismount()
      rig:fault({ match = { method = "AddResourceSettings" }, effect = "job fails",
        text = "Element not found (0x80070490)" })
      raises("HYPERV_DEVICE_GONE", h.assign, h, VM, gpu.location)
    end)

    it("ends its wait with the run's time", function()
      start()
      local scheduler = require("core.scheduler")
      local ok, problem = scheduler.until_time(scheduler.now() + 0.08, function()
        h:assign(VM, gpu.location) -- not dismounted: it is never listed
      end)
      assert.is_false(ok)
      assert.truthy(problem.code == "DEADLINE" or problem.code == "WMI_TIMEOUT", tostring(problem))
    end)
  end)

  describe("unassign", function()
    it("takes a device from a machine, once", function()
      start()
      dismount()
      h:assign(VM, gpu.location)
      local id = h:assigned(VM)[1].id
      assert.is_true(h:unassign(VM, id))
      assert.same({}, h:assigned(VM))
      assert.is_false(h:assignable_devices()[1].in_use)
      assert.is_false(h:unassign(VM, id))
      assert.equal(1, rig:count("RemoveResourceSettings"))
    end)

    it("does nothing to a machine that runs", function()
      start()
      dismount()
      h:assign(VM, gpu.location)
      h:start(VM)
      raises("HYPERV_STATE", h.unassign, h, VM, h:assigned(VM)[1].id)
      assert.equal(0, rig:count("RemoveResourceSettings"))
    end)

    it("is content when the assignment has gone since it looked", function()
      start()
      dismount()
      h:assign(VM, gpu.location)
      rig:fault({ match = { method = "RemoveResourceSettings" }, effect = "error",
        hresult = 0x80041002, text = "Not found" })
      assert.is_false(h:unassign(VM, h:assigned(VM)[1].id))
    end)

    it("does not touch what is not this machine's", function()
      start()
      assert.is_false(h:unassign(VM, "Microsoft:" .. OTHER_VM .. "\\else"))
      raises("HYPERV_VM_NOT_FOUND", h.unassign, h, NOBODY, "x")
      assert.equal(0, rig:count("RemoveResourceSettings"))
    end)
  end)

  describe("an assignment whose device is gone", function()
    -- Connects a card to a node and dismounts its GPU there.
    local function give_up(node, id, device)
      rig:connect(node, id)
      local here = rig:pnp(node)
      local card = here:devices({ vendor = "10de", device = device })[1]
      here:disable(card.id)
      rig:hyperv(node):dismount({ location = card.location, force = true })
    end

    -- The GPU has left the machine; another one is there for assignment.
    local function orphan()
      start()
      dismount()
      h:assign(VM, gpu.location)
      give_up("ms1", support.OTHER, "1eb1")
      rig.world:eem():free(support.GPU)
      rig.world:advance()
    end

    it("is shown, keeps the machine from starting, and can be removed", function()
      orphan()
      local assigned = h:assigned(VM)
      assert.same({ 1, false, "10de", "1f08" },
        { #assigned, assigned[1].present, assigned[1].vendor, assigned[1].device })
      assert.is_nil(assigned[1].location)
      assert.truthy(assigned[1].instance:find([[PCIP\VEN_10DE&DEV_1F08]], 1, true))
      local problem = raises("HYPERV_DEVICE_GONE", h.start, h, VM)
      assert.truthy(problem.hint:find("remove the assignment", 1, true))
      assert.is_true(h:unassign(VM, assigned[1].id))
      assert.is_true(h:start(VM))
    end)

    it("is one too where it was made on another node", function()
      orphan()
      h:turn_off(VM)
      rig.lab.admin:give_disk("ms2")
      give_up("ms2", support.GPU, "1f08")
      local other = rig:hyperv("ms2")
      local vm = other:import(support.FILE)
      local assigned = other:assigned(vm)
      assert.same({ 1, false }, { #assigned, assigned[1].present })
      assert.is_true(other:unassign(vm, assigned[1].id))
      assert.same({}, other:assigned(vm))
    end)
  end)
end)
