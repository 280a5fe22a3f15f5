-- Devices that Hyper-V shows: assignable ones, integration components of running virtual machines,
-- virtual switches.

local function device(class, id, system_name, name, fields)
  fields.CreationClassName = class
  fields.DeviceID = id
  fields.SystemCreationClassName = "Msvm_ComputerSystem"
  fields.SystemName = system_name
  fields.ElementName = name
  fields.EnabledState = 2
  fields.HealthState = 5
  fields.Status = "OK"
  return { class = class, values = fields }
end

return function(namespace, switch_guid)
  namespace:instances("Msvm_PciExpress", function(context)
    local list = {}
    for i, record in ipairs(context.hyperv:assignable()) do
      local fields = {
        DeviceInstancePath = record.instance,
        LocationPath = record.location,
        FunctionNumber = record.function_number,
        OperationalStatus = { 2 },
      }
      local system = record.vm or context.host
      list[i] = device("Msvm_PciExpress", record.id, system, "PCI Express Port", fields)
    end
    return list
  end)

  namespace:instances("Msvm_PartitionableGpu", function(context)
    local list = {}
    for i, gpu in ipairs(context.hyperv:partitionable()) do
      list[i] = device("Msvm_PartitionableGpu", "Microsoft:" .. gpu.name, context.host,
        "Partitionable GPU", {
          Name = gpu.name,
          OperationalStatus = { 2 },
          ValidPartitionCounts = gpu.counts,
          PartitionCount = gpu.most,
          TotalVRAM = gpu.total,
          AvailableVRAM = gpu.free,
          MinPartitionVRAM = 0,
          MaxPartitionVRAM = gpu.total,
          OptimalPartitionVRAM = gpu.part,
        })
    end
    return list
  end)

  local function component(class, id, name, fields_of)
    namespace:instances(class, function(context)
      local list = {}
      for _, vm in ipairs(context.hyperv:vms()) do
        if context.hyperv:active(vm) then
          local fields = fields_of(context, vm)
          list[#list + 1] = device(class, "Microsoft:" .. vm.id .. "\\" .. id, vm.id, name, fields)
        end
      end
      return list
    end)
  end

  local SHUTDOWN = "9F8233AC-BE49-4C79-8EE3-E7E1985B2077"
  component("Msvm_ShutdownComponent", SHUTDOWN, "Shutdown", function(_, vm)
    return { OperationalStatus = { vm.booted and 2 or 12 } }
  end)

  local HEARTBEAT = "84EAAE65-2F2E-45F5-9BB5-0E857DC8EB47"
  component("Msvm_HeartbeatComponent", HEARTBEAT, "Heartbeat", function(context, vm)
    local status = context.hyperv:heartbeat(vm)
    return {
      OperationalStatus = { status, status == 2 and 2 or nil },
      StatusDescriptions = { status == 2 and "OK" or "No Contact" },
    }
  end)

  local function items(list, source)
    local result = {}
    for i, item in ipairs(list) do
      result[i] = {
        class = "Msvm_KvpExchangeDataItem",
        values = { Name = item[1], Data = item[2], Source = source, Caption = "" },
      }
    end
    return result
  end

  local KVP = "2A34B1C2-FD73-4043-8A5B-DD2159BC743F"
  component("Msvm_KvpExchangeComponent", KVP, "Key-Value Pair Exchange", function(context, vm)
    local known = context.hyperv:guest_items(vm)
    return {
      OperationalStatus = { vm.booted and 2 or 12 },
      GuestIntrinsicExchangeItems = items(known.intrinsic, 2),
      GuestExchangeItems = items(known.own, 1),
    }
  end)

  namespace:instances("Msvm_VirtualEthernetSwitch", function(context)
    local list = {}
    for i, name in ipairs(context.hyperv.switches) do
      list[i] = {
        class = "Msvm_VirtualEthernetSwitch",
        values = {
          CreationClassName = "Msvm_VirtualEthernetSwitch",
          Name = switch_guid(context, name),
          ElementName = name,
          Caption = "Virtual Switch",
          Description = "Microsoft Virtual Switch",
          EnabledState = 5,
          HealthState = 5,
          OperationalStatus = { 2 },
        },
      }
    end
    return list
  end)
end
