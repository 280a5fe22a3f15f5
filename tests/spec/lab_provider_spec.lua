-- The simulated cluster as WMI shows it.
local cluster = require("support.cluster")
local provider = require("lab.cim")

local OTHER, VM, FILE = cluster.OTHER, cluster.VM, cluster.FILE
local RUNNING = cluster.RUNNING
local pass, refused, done = cluster.pass, cluster.refused, cluster.done
local find_pci = cluster.find_pci

local w, fabric, ms1

local function make(options)
  w, fabric, ms1 = cluster.make(options)
end

describe("the provider", function()
  local virtual, cimv2

  local function open()
    make({ vms = RUNNING })
    virtual = assert(provider.new(w, "ms1", "root\\Virtualization\\V2"))
    cimv2 = assert(provider.new(w, "ms1", "root/cimv2"))
  end
  before_each(open)

  local function out(outs, name)
    for _, one in ipairs(outs) do
      if one.name == name then
        return one.value
      end
    end
    return nil
  end

  local SERVICE = { CreationClassName = "Msvm_VirtualSystemManagementService" }

  it("gives no property that its class does not declare", function()
    for _, p in ipairs({ virtual, cimv2 }) do
      for _, name in ipairs(p:classes()) do
        for _, instance in ipairs(p:instances(name)) do
          local schema = p:class(instance.class)
          for property in pairs(instance.values) do
            assert.is_not_nil(schema.property_by_name[property:lower()], name .. "." .. property)
          end
          for _, key in ipairs(schema.keys) do
            assert.is_not_nil(instance.values[key], name .. "." .. key)
          end
        end
      end
    end
    assert.is_nil(provider.new(w, "ms1", "root/other"))
    assert.equal(0x80041010, refused(virtual.instances, virtual, "Msvm_None").hresult)
  end)

  it("lists the host among the computer systems, and sub-classes with their super-class", function()
    local list = virtual:instances("msvm_computersystem")
    assert.equal("MS1", list[1].values.Name)
    assert.equal(VM, list[2].values.Name)
    assert.equal(3, #virtual:instances("CIM_ComputerSystem")) -- and a switch
    assert.equal(0x80041002,
      refused(virtual.get, virtual, "Msvm_ComputerSystem", { Name = "x" }).hresult)
  end)

  it("walks associations both ways", function()
    local systems = virtual:associators(
      "Msvm_VirtualSystemSettingData",
      { InstanceID = "microsoft:" .. VM },
      { assoc_class = "Msvm_SettingsDefineState" }
    )
    assert.equal(1, #systems)
    assert.equal(VM, systems[1].values.Name)
    local settings = virtual:associators(
      "Msvm_VirtualSystemSettingData",
      { InstanceID = "Microsoft:" .. VM },
      { result_class = "Msvm_PciExpressSettingData" }
    )
    local path = provider.parse_path(settings[1].values.HostResource[1])
    assert.equal("MS1", path.host)
    assert.equal(virtual:instances("Msvm_PciExpress")[1].values.DeviceID, path.keys.DeviceID)
    assert.equal(0,
      #virtual:associators("Msvm_ComputerSystem", { Name = VM }, { role = "SettingData" }))
  end)

  it("starts jobs, which tell their end, errors and what they made", function()
    local system = { CreationClassName = "Msvm_ComputerSystem", Name = VM }
    local outs = virtual:call("Msvm_ComputerSystem", system, "requeststatechange",
      { RequestedState = "3" })
    assert.equal(4096, out(outs, "ReturnValue"))
    local job = out(outs, "Job")
    assert.equal(4, virtual:get(job.class, job.keys).values.JobState)
    pass(w.latency.turn_off)
    assert.equal(7, virtual:get(job.class, job.keys).values.JobState)
    local affected = virtual:associators(job.class, job.keys,
      { assoc_class = "Msvm_AffectedJobElement" })
    assert.equal(VM, affected[1].values.Name)
    assert.is_nil(out(virtual:call(job.class, job.keys, "GetErrorEx", {}), "Errors"))
    outs = virtual:call("Msvm_VirtualSystemManagementService", SERVICE, "ImportSystemDefinition",
      { SystemDefinitionFile = FILE, GenerateNewSystemIdentifier = "false" })
    job = out(outs, "Job")
    pass(w.latency.import)
    assert.equal(10, virtual:get(job.class, job.keys).values.JobState)
    local problems = out(virtual:call(job.class, job.keys, "GetErrorEx", {}), "Errors")
    assert.matches("already exists", problems[1].values.Message)
  end)

  it("takes embedded settings for modifying, adding and removing", function()
    done(ms1.hyperv:request_state(VM, 3))
    local function call(method, args)
      return virtual:call("Msvm_VirtualSystemManagementService", SERVICE, method, args)
    end
    local template = virtual:get("Msvm_PciExpressSettingData", {
      InstanceID = virtual:associators("Msvm_AllocationCapabilities", {
        InstanceID = virtual:instances("Msvm_AllocationCapabilities")[1].values.InstanceID,
      }, { assoc_class = "Msvm_SettingsDefineCapabilities" })[1].values.InstanceID,
    })
    assert.matches("\\Default$", template.values.InstanceID)
    local assigned = ms1.hyperv:find(VM).config.assignments[1]
    local resource = virtual:get("Msvm_PciExpressSettingData",
      { InstanceID = assigned.id }).values.HostResource
    call("RemoveResourceSettings", {
      ResourceSettings = { { class = "Msvm_PciExpressSettingData",
        keys = { InstanceID = assigned.id } } },
    })
    pass(w.latency.remove)
    assert.same({}, ms1.hyperv:find(VM).config.assignments)
    local outs = call("AddResourceSettings", {
      AffectedConfiguration = { class = "Msvm_VirtualSystemSettingData",
        keys = { InstanceID = "Microsoft:" .. VM } },
      ResourceSettings = { { class = "Msvm_PciExpressSettingData",
        properties = { HostResource = resource } } },
    })
    assert.equal(4096, out(outs, "ReturnValue"))
    pass(w.latency.assign)
    assert.equal(1, #ms1.hyperv:find(VM).config.assignments)
    call("ModifySystemSettings", {
      SystemSettings = {
        class = "Msvm_VirtualSystemSettingData",
        properties = { InstanceID = "Microsoft:" .. VM, GuestControlledCacheTypes = "False",
          LowMmioGapSize = "256" },
      },
    })
    pass(w.latency.modify)
    local settings = virtual:instances("Msvm_VirtualSystemSettingData")[1].values
    assert.is_false(settings.GuestControlledCacheTypes)
    assert.equal(256, settings.LowMmioGapSize)
    assert.equal(0x80041008, refused(call, "ModifySystemSettings", {
      SystemSettings = { class = "x",
        properties = { InstanceID = "Microsoft:" .. VM, LogDataRoot = "x" } },
    }).hresult)
    assert.equal(0x8004102F, refused(call, "DestroySystem", { Nonsense = 1 }).hresult)
  end)

  it("disables drivers and tells location paths", function()
    fabric:set_group(OTHER, 50)
    pass(w.latency.link + w.latency.enumerate)
    local id = find_pci(ms1, "DEV_1EB1").id
    assert.equal(0,
      out(cimv2:call("Win32_PnPEntity", { DeviceID = id:lower() }, "Disable", {}), "ReturnValue"))
    assert.equal(22, cimv2:get("Win32_PnPEntity", { DeviceID = id }).values.ConfigManagerErrorCode)
    local outs = cimv2:call("Win32_PnPEntity", { DeviceID = id }, "GetDeviceProperties",
      { devicePropertyKeys = "DEVPKEY_Device_LocationPaths" })
    local property = out(outs, "deviceProperties")[1]
    assert.equal("Win32_PnPDevicePropertyStringArray", property.class)
    assert.equal(find_pci(ms1, "DEV_1EB1").location, property.values.Data[1])
  end)

  it("rescans by a process, and copies, renames and deletes files", function()
    w:set_switch("enumeration", "rescan")
    fabric:set_group(OTHER, 50)
    pass(w.latency.link)
    assert.same({}, cimv2:class("Win32_Process").keys) -- Create is static: faces ask for no key
    local outs = cimv2:call("Win32_Process", {}, "Create",
      { CommandLine = "pnputil.exe /scan-devices" })
    assert.equal(0, out(outs, "ReturnValue"))
    pass(w.latency.enumerate)
    assert.is_not_nil(find_pci(ms1, "DEV_1EB1"))
    local file = cimv2:get("CIM_DataFile", { Name = FILE:lower() })
    assert.equal("g:", file.values.Drive)
    assert.equal("\\Hyper-V\\vme2\\Virtual Machines\\", file.values.Path)
    assert.equal("vmcx", file.values.Extension)
    outs = cimv2:call("CIM_DataFile", { Name = FILE }, "Copy", { FileName = [[G:\copy.vmcx]] })
    assert.equal(0, out(outs, "ReturnValue"))
    assert.equal(15, out(cimv2:call("CIM_DataFile", { Name = FILE }, "Delete", {}), "ReturnValue"))
    assert.equal(0,
      out(cimv2:call("CIM_DataFile", { Name = [[G:\copy.vmcx]] }, "Delete", {}), "ReturnValue"))
    assert.equal(0x80041002,
      refused(cimv2.call, cimv2, "CIM_DataFile", { Name = "x" }, "Delete", {}).hresult)
  end)

  it("summarises virtual machines and definition files", function()
    local outs = virtual:call("Msvm_VirtualSystemManagementService", SERVICE,
      "GetSummaryInformation", {})
    local summary = out(outs, "SummaryInformation")[1].values
    assert.same({ VM, 2, 2 }, { summary.Name, summary.EnabledState, summary.Heartbeat })
    outs = virtual:call("Msvm_VirtualSystemManagementService", SERVICE,
      "GetDefinitionFileSummaryInformation",
      { DefinitionFiles = { FILE } })
    assert.equal("vme2", out(outs, "SummaryInformation")[1].values.ElementName)
  end)

  it("reads and writes object paths", function()
    local ref = { class = "A", keys = { B = [[x\"y]], C = "z" } }
    local text = provider.path(ref, "H", "root/a")
    assert.equal([[\\H\root\a:A.B="x\\\"y",C="z"]], text)
    local parsed = provider.parse_path(text)
    assert.same(ref.keys, parsed.keys)
    assert.equal("root/a", parsed.namespace)
    assert.is_nil(provider.parse_path('A.B="x'))
  end)
end)
