-- Jobs as instances, and the associations of root\virtualization\v2 (docs/facts/hyperv-wmi.md#1.9
-- and 1.12).
local TEXTS = {
  [4] = "Job is running",
  [7] = "Job is completed",
  [8] = "Job is terminated",
  [9] = "Job is killed",
  [10] = "Job has failed",
  [32768] = "Job is completed with warnings",
}

local function interval(seconds)
  local whole = math.floor(seconds)
  return string.format(
    "%08d%02d%02d%02d.%06d:000",
    whole // 86400,
    whole // 3600 % 24,
    whole // 60 % 60,
    whole % 60,
    math.floor((seconds - whole) * 1000000)
  )
end

local function job_instance(context, job)
  local world = context.world
  local finished = job.state ~= 4
  return {
    class = "Msvm_ConcreteJob",
    values = {
      InstanceID = job.id,
      Caption = job.kind,
      Description = job.kind,
      ElementName = job.kind,
      Name = "Msvm_ConcreteJob",
      JobState = job.state,
      JobType = job.type,
      JobStatus = TEXTS[job.state],
      PercentComplete = context.hyperv:percent(job),
      ErrorCode = job.error_code,
      ErrorDescription = job.error_text or "",
      ErrorSummaryDescription = job.error_text or "",
      StartTime = world:dmtf(job.begin),
      TimeSubmitted = world:dmtf(job.begin),
      ElapsedTime = interval((finished and job.finish or world.clock.time) - job.begin),
      TimeBeforeRemoval = interval(world.latency.job_kept),
      Cancellable = false,
      DeleteOnCompletion = true,
      HealthState = 5,
      OperationalStatus = { job.state == 10 and 6 or 2 },
      Status = job.state == 10 and "Error" or "OK",
    },
  }
end

return function(namespace, about)
  namespace:instances("Msvm_ConcreteJob", function(context)
    local list = {}
    for i, job in ipairs(context.hyperv:jobs()) do
      list[i] = job_instance(context, job)
    end
    return list
  end)

  local function link(name, roles, pairs_of, more)
    local from, to = roles:match("(%S+) (%S+)")
    namespace:association(name, from, to, pairs_of, more)
  end

  link("Msvm_SettingsDefineState", "ManagedElement SettingData", function(context)
    local list = {}
    for i, vm in ipairs(about.all_vms(context)) do
      list[i] = { from = about.system_ref(vm), to = about.settings_ref(vm) }
    end
    return list
  end)

  local PARTS = "GroupComponent PartComponent"
  link("Msvm_VirtualSystemSettingDataComponent", PARTS, function(context)
    local list = {}
    for _, kind in ipairs(about.settings) do
      about.each_setting(context, kind, function(vm, instance)
        local setting = about.setting_ref(kind.class, instance.values.InstanceID)
        list[#list + 1] = { from = about.settings_ref(vm), to = setting }
      end)
    end
    return list
  end)

  link("Msvm_AffectedJobElement", "AffectedElement AffectingElement", function(context)
    local list = {}
    for _, job in ipairs(context.hyperv:jobs()) do
      local vm = context.hyperv:affected(job)
      if vm then
        local job_ref = about.setting_ref("Msvm_ConcreteJob", job.id)
        list[#list + 1] = { from = about.system_ref(vm), to = job_ref }
      end
    end
    return list
  end)

  local COMPONENTS = {
    "Msvm_ShutdownComponent", "Msvm_HeartbeatComponent", "Msvm_KvpExchangeComponent",
    "Msvm_PciExpress",
  }
  link("Msvm_SystemDevice", PARTS, function(context)
    local list = {}
    for _, class in ipairs(COMPONENTS) do
      for _, instance in ipairs(namespace.producers[class](context)) do
        local values = instance.values
        list[#list + 1] = {
          from = {
            class = "Msvm_ComputerSystem",
            keys = { CreationClassName = "Msvm_ComputerSystem", Name = values.SystemName },
          },
          to = {
            class = class,
            keys = {
              CreationClassName = class,
              DeviceID = values.DeviceID,
              SystemCreationClassName = "Msvm_ComputerSystem",
              SystemName = values.SystemName,
            },
          },
        }
      end
    end
    return list
  end)

  -- The way from the pool of assignable devices to the template of an assignment.
  local pool = about.setting_ref("Msvm_ResourcePool", about.pci_pool)
  local capabilities = about.setting_ref("Msvm_AllocationCapabilities", about.pci_pool)
  link("Msvm_ElementCapabilities", "ManagedElement Capabilities", function()
    return { { from = pool, to = capabilities } }
  end)
  local template = about.setting_ref("Msvm_PciExpressSettingData", about.pci_template)
  link("Msvm_SettingsDefineCapabilities", PARTS, function()
    return { { from = capabilities, to = template } }
  end, {
    properties = ", uint16 ValueRole, uint16 ValueRange, uint16 PropertyPolicy",
    values = { ValueRole = 0, ValueRange = 0, PropertyPolicy = 0 },
  })
end
