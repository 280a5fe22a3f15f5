-- The native pnp against the lab over sockets.
local pnp = require("pnp")
local support = require("support.hyperv")

local raises, misuse = support.raises, support.misuse

describe("pnp", function()
  local rig, p

  local function start(options)
    rig = support.start(options)
    p = rig:pnp()
  end

  after_each(function()
    rig:stop()
  end)

  describe("devices", function()
    it("shows the PCI devices of the node with their places", function()
      start()
      local devices, net = p:devices(), nil
      assert.equal(3, #devices) -- with the bridge that stands for the computer's own
      for _, device in ipairs(devices) do
        net = device.subclass == "0200" and device or net
      end
      assert.same({
        id = net.id, name = "Intel(R) I350 Gigabit Network Connection", class = "Net",
        manufacturer = "Intel Corporation", vendor = "8086", device = "1521", subclass = "0200",
        location = "PCIROOT(0)#PCI(1C00)#PCI(0000)", locations = net.locations, status = "ok",
        problem = 0, dismounted = false,
      }, net)
      assert.equal(net.location, net.locations[1])
      assert.truthy(net.locations[2]:find("^ACPI"))
    end)

    it("shows all functions of a card", function()
      start()
      rig:connect()
      local functions = p:devices({ vendor = "10de" })
      assert.equal(2, #functions)
      assert.same({ "0300", "0403" }, { functions[1].subclass, functions[2].subclass })
      assert.equal(functions[1].location:gsub("%(0000%)$", "(0001)"), functions[2].location)
    end)

    it("filters, and asks for the places of what is left only", function()
      start()
      rig:connect()
      local all = p:devices({ locations = false })
      assert.equal(5, #all)
      assert.equal(0, rig:count("GetDeviceProperties"))
      assert.is_nil(all[1].location)
      assert.same({}, all[1].locations)
      local gpu = p:devices({ vendor = "10de", device = "1f08" })
      assert.equal(1, #gpu)
      assert.equal(1, rig:count("GetDeviceProperties"))
      for filter, wanted in pairs({ class = "Display", manufacturer = "NVIDIA", device = "1f08",
        id = gpu[1].id, location = gpu[1].location, vendor = "10DE" }) do
        local found = p:devices({ [filter] = wanted })
        assert.is_true(#found > 0 and #found < 5, filter)
        for _, device in ipairs(found) do
          local is = filter == "vendor" and device.vendor:upper() or device[filter]
          assert.equal(wanted, is)
        end
      end
      assert.equal(gpu[1].id, p:devices({ id = gpu[1].id:lower() })[1].id)
      assert.same({}, p:devices({ vendor = "10d_" }))
      assert.same({}, p:devices({ vendor = "' OR '1'='1" }))
      assert.same({}, p:devices({ id = [[PCI\x' OR DeviceID LIKE '%]] }))
    end)

    it("shows what was given up for assignment, and what is gone when asked", function()
      start()
      rig:connect()
      local gpu = p:devices({ vendor = "10de", device = "1f08" })[1]
      p:disable(gpu.id)
      rig:hyperv():dismount({ location = gpu.location, force = true })
      local pcip = p:devices({ vendor = "10de", device = "1f08" })
      assert.equal(1, #pcip)
      assert.same({ (gpu.id:gsub("^PCI", "PCIP")), 1, true, gpu.location },
        { pcip[1].id, #pcip, pcip[1].dismounted, pcip[1].location })
      rig.world:eem():free(support.GPU)
      rig.world:advance()
      assert.same({}, p:devices({ vendor = "10de" }))
      local absent = p:devices({ vendor = "10de", absent = true })
      assert.same({ "absent", 45 }, { absent[1].status, absent[1].problem })
      assert.is_nil(absent[1].location)
    end)

    it("refuses a filter that it does not know", function()
      start()
      assert.truthy(misuse(p.devices, p, { model = "1f08" }):find("vendor", 1, true))
      misuse(p.devices, p, { vendor = 10 })
    end)
  end)

  describe("disable and enable", function()
    local gpu

    local function connected(options)
      start(options)
      rig:connect()
      gpu = p:devices({ vendor = "10de", device = "1f08" })[1]
    end

    it("switch the driver, and only where it is not so already", function()
      connected()
      assert.same({ true, false }, { p:disable(gpu.id) })
      local now = p:devices({ id = gpu.id })[1]
      assert.same({ "disabled", 22 }, { now.status, now.problem })
      assert.same({ false, false }, { p:disable(gpu.id) })
      assert.equal(1, rig:count("Disable"))
      assert.same({ true, false }, { p:enable(gpu.id) })
      assert.equal("ok", p:devices({ id = gpu.id })[1].status)
      assert.same({ false, false }, { p:enable(gpu.id) })
      assert.equal(1, rig:count("Enable"))
    end)

    it("tell that the node must restart", function()
      connected({ switches = { reboot_needed = true } })
      assert.same({ true, true }, { p:disable(gpu.id) })
    end)

    it("raise where there is no such device", function()
      connected()
      local nothing = [[PCI\VEN_0000&DEV_0000\it's]]
      assert.equal(nothing, raises("PNP_NOT_FOUND", p.disable, p, nothing).target)
      rig.world:eem():free(support.GPU)
      rig.world:advance()
      raises("PNP_NOT_FOUND", p.enable, p, gpu.id)
      misuse(p.disable, p, "")
      misuse(p.disable, p)
    end)

    it("raise what the host refuses", function()
      connected()
      local tree = rig.world:node("ms1").pnp
      tree.disable = function()
        return 5
      end
      assert.equal(5, raises("PNP_FAILED", p.disable, p, gpu.id).hresult)
      tree.disable = nil
      local function refused(code, hresult)
        rig.world.faults:clear()
        rig:fault({ match = { method = "Disable" }, effect = "error", hresult = hresult,
          text = "no" })
        local problem = raises(code, p.disable, p, gpu.id)
        assert.equal(hresult, problem.hresult)
        assert.equal(gpu.id, problem.target)
      end
      refused("PNP_FAILED", 0x80041001)
      refused("PNP_NOT_FOUND", 0x80041002)
      refused("WMI_ACCESS", 0x80041003)
    end)

    it("say that it may have happened when no answer came", function()
      connected()
      rig:fault({ match = { method = "Disable" }, effect = "drop after", times = 1 })
      assert.is_true(raises("WMI_UNREACHABLE", p.disable, p, gpu.id).maybe_executed)
      assert.is_false((p:disable(gpu.id)))
    end)
  end)

  describe("rescan", function()
    it("lets the node see what was connected", function()
      start({ switches = { enumeration = "rescan" } })
      rig:connect()
      assert.same({}, p:devices({ vendor = "10de" }))
      p:rescan()
      assert.equal(2, #p:devices({ vendor = "10de" }))
    end)

    it("raises where the program cannot be started", function()
      start()
      rig.world:node("ms1").pnp.rescan = function()
        error({ nothing = true })
      end
      assert.is_false(pcall(p.rescan, p))
      rig:fault({ match = { method = "Create" }, effect = "error", hresult = 0x80041003,
        text = "Access denied" })
      raises("WMI_ACCESS", p.rescan, p)
    end)
  end)

  describe("the handle", function()
    it("wants a connection to root/cimv2, and is of no use after close", function()
      start()
      assert.truthy(misuse(pnp.open, rig:wmi()):find("cimv2", 1, true))
      misuse(pnp.open, {})
      p:close()
      p:close()
      assert.truthy(misuse(p.devices, p):find("closed", 1, true))
    end)
  end)
end)
