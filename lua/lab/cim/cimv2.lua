-- root\cimv2 of a node, as far as Takeover uses it: plug and play, files, the operating system,
-- and processes that stand for a rescan. docs/facts/hyperv-wmi.md#3; CIM_LogicalFile's
-- return values as documented by Microsoft.
local schema = require("lab.cim.schema")

local M = schema.new("root/cimv2")

M:class("Win32_PnPEntity", "CIM_LogicalDevice", "DeviceID", [[
  string DeviceID, string PNPDeviceID, string Name, string Caption, string Description,
  string PNPClass, string ClassGuid, string Manufacturer, boolean Present, string Service,
  string[] HardwareID, string[] CompatibleID, uint32 ConfigManagerErrorCode,
  boolean ConfigManagerUserConfig, string Status, string CreationClassName, string SystemName]], {
  Disable = "out boolean RebootNeeded",
  Enable = "out boolean RebootNeeded",
  GetDeviceProperties = "in string[] devicePropertyKeys, out instance[] deviceProperties",
})
local PROPERTY = "string DeviceID, string Key, string KeyName, uint32 Type"
M:class("Win32_PnPDevicePropertyStringArray", "Win32_PnPDeviceProperty", "DeviceID Key", PROPERTY
  .. ", string[] Data")
M:class("Win32_PnPDevicePropertyString", "Win32_PnPDeviceProperty", "DeviceID Key", PROPERTY
  .. ", string Data")
M:class("Win32_PnPDevicePropertyUint32", "Win32_PnPDeviceProperty", "DeviceID Key", PROPERTY
  .. ", uint32 Data")
M:class("Win32_PnPDevicePropertyEmpty", "Win32_PnPDeviceProperty", "DeviceID Key", PROPERTY)

local FILE = [[
  string Name, string Caption, string Description, string Drive, string Path, string FileName,
  string Extension, string FileType, uint64 FileSize, datetime LastModified,
  datetime CreationDate, boolean Readable, boolean Writeable, boolean Hidden, string CSName,
  string FSName, string Status]]
local FILE_METHODS = { Copy = "in string FileName", Rename = "in string FileName", Delete = "" }
M:class("CIM_DataFile", "CIM_LogicalFile", "Name", FILE, FILE_METHODS)
M:class("Win32_Directory", "CIM_Directory CIM_LogicalFile", "Name", FILE, FILE_METHODS)

M:class("Win32_OperatingSystem", "CIM_OperatingSystem", "Name", [[
  string Name, string Caption, string CSName, string Version, string BuildNumber,
  datetime LocalDateTime, uint64 FreePhysicalMemory, uint64 TotalVisibleMemorySize,
  string Status]])
M:class("Win32_ComputerSystem", "CIM_ComputerSystem", "Name", [[
  string Name, string Domain, string Manufacturer, string Model, uint64 TotalPhysicalMemory,
  string Status]])
-- Its key is left out, because the static Create is called on the class.
M:class("Win32_Process", "CIM_Process", "",
  "string Handle, string Name, uint32 ProcessId, string CommandLine, string CSName", {
  Create = "in string CommandLine, in string CurrentDirectory, "
    .. "in instance ProcessStartupInformation, out uint32 ProcessId",
}).static = true

-- Plug and play ---------------------------------------------------------------------------------

local function entity(context, device)
  return {
    class = "Win32_PnPEntity",
    values = {
      DeviceID = device.id,
      PNPDeviceID = device.id,
      Name = device.name,
      Caption = device.name,
      Description = device.name,
      PNPClass = device.class,
      ClassGuid = device.class_guid,
      Manufacturer = device.manufacturer,
      Present = device.present,
      Service = device.service,
      HardwareID = device.hardware_ids,
      CompatibleID = { "PCI\\CC_" .. device.subclass },
      ConfigManagerErrorCode = device.problem,
      ConfigManagerUserConfig = false,
      Status = device.problem == 0 and "OK" or "Error",
      CreationClassName = "Win32_PnPEntity",
      SystemName = context.host,
    },
  }
end

M:instances("Win32_PnPEntity", function(context)
  local list = {}
  for i, device in ipairs(context.node.pnp:devices()) do
    list[i] = entity(context, device)
  end
  return list
end)

local function switch_driver(verb)
  return function(context, instance)
    local code, reboot = context.node.pnp[verb](context.node.pnp, instance.values.DeviceID)
    return code, { RebootNeeded = reboot }
  end
end
M:method("Win32_PnPEntity", "Disable", switch_driver("disable"))
M:method("Win32_PnPEntity", "Enable", switch_driver("enable"))

local DEVICE = "{a45c254e-df1c-4efd-8020-67d146a850e0} "
local STRING, STRINGS, UINT32 = 18, 8210, 7 -- DEVPROP types

-- Device properties: name, key, type, and their value from the tree's view of a device.
local KEYS = {
  { "DEVPKEY_Device_DeviceDesc", DEVICE .. "2", STRING, function(_, d) return d.name end },
  { "DEVPKEY_Device_HardwareIds", DEVICE .. "3", STRINGS,
    function(_, d) return d.hardware_ids end },
  { "DEVPKEY_Device_Manufacturer", DEVICE .. "13", STRING,
    function(_, d) return d.manufacturer end },
  { "DEVPKEY_Device_FriendlyName", DEVICE .. "14", STRING, function(_, d) return d.name end },
  { "DEVPKEY_Device_LocationPaths", DEVICE .. "37", STRINGS, function(pnp, d)
    return d.present and pnp:location_paths(d.id) or nil
  end },
  { "DEVPKEY_Device_ProblemCode", "{4340a6c5-93fa-4706-972c-7b648008a5a7} 3", UINT32,
    function(_, d) return d.problem end },
  { "DEVPKEY_Device_InstanceId", "{78c34fc8-104a-4aca-9ea4-524d52996e57} 256", STRING,
    function(_, d) return d.id end },
}
local CLASS_OF = {
  [STRING] = "Win32_PnPDevicePropertyString",
  [STRINGS] = "Win32_PnPDevicePropertyStringArray",
  [UINT32] = "Win32_PnPDevicePropertyUint32",
}

local function property(context, device, wanted)
  for _, key in ipairs(KEYS) do
    if wanted:lower() == key[1]:lower() or wanted:lower() == key[2]:lower() then
      local data = key[4](context.node.pnp, device)
      return {
        class = data == nil and "Win32_PnPDevicePropertyEmpty" or CLASS_OF[key[3]],
        values = {
          DeviceID = device.id,
          Key = key[2],
          KeyName = key[1],
          Type = data == nil and 0 or key[3],
          Data = data,
        },
      }
    end
  end
  return {
    class = "Win32_PnPDevicePropertyEmpty",
    values = { DeviceID = device.id, Key = wanted, KeyName = wanted, Type = 0 },
  }
end

M:method("Win32_PnPEntity", "GetDeviceProperties", function(context, instance, args)
  local device = context.node.pnp:find(instance.values.DeviceID)
  local list = {}
  if args.devicePropertyKeys and #args.devicePropertyKeys > 0 then
    for i, key in ipairs(args.devicePropertyKeys) do
      list[i] = property(context, device, key)
    end
  else
    for i, key in ipairs(KEYS) do
      list[i] = property(context, device, key[1])
    end
  end
  return 0, { deviceProperties = list }
end)

-- Files -----------------------------------------------------------------------------------------

local function file(context, class, entry)
  local drive, path = entry.path:match("^(%a:)(.*)$")
  local name, extension = entry.name, ""
  if not entry.directory and name:find(".", 2, true) then
    name, extension = name:match("^(.*)%.([^.]*)$")
  end
  local modified = context.world:dmtf(entry.modified)
  return {
    class = class,
    values = {
      Name = entry.path,
      Caption = entry.path,
      Description = entry.path,
      Drive = drive:lower(),
      Path = path:match("^(.*\\)[^\\]*$") or "\\",
      FileName = name,
      Extension = extension,
      FileType = entry.directory and "File Folder" or extension .. " File",
      FileSize = not entry.directory and entry.size or nil,
      LastModified = modified,
      CreationDate = modified,
      Readable = true,
      Writeable = true,
      Hidden = false,
      CSName = context.host,
      FSName = "NTFS",
      Status = "OK",
    },
  }
end

local function files(class, directories)
  M:instances(class, function(context)
    local list = {}
    for _, entry in ipairs(context.node.files:all()) do
      if entry.directory == directories then
        list[#list + 1] = file(context, class, entry)
      end
    end
    return list
  end)
  M:method(class, "Copy", function(context, instance, args)
    return context.node.files:copy(instance.values.Name, args.FileName or "")
  end)
  M:method(class, "Rename", function(context, instance, args)
    return context.node.files:rename(instance.values.Name, args.FileName or "")
  end)
  M:method(class, "Delete", function(context, instance)
    return context.node.files:delete(instance.values.Name)
  end)
end
files("CIM_DataFile", false)
files("Win32_Directory", true)

local function contained(parent_class, child_class, list_of)
  return function(context)
    local list = {}
    for _, entry in ipairs(context.node.files:all()) do
      if entry.directory then
        for _, child in ipairs(list_of(context.node.files, entry.path)) do
          list[#list + 1] = {
            from = { class = parent_class, keys = { Name = entry.path } },
            to = { class = child_class, keys = { Name = child.path } },
          }
        end
      end
    end
    return list
  end
end
M:association("CIM_DirectoryContainsFile", "GroupComponent", "PartComponent",
  contained("Win32_Directory", "CIM_DataFile", function(all, path) return all:list(path) end))
M:association("Win32_SubDirectory", "GroupComponent", "PartComponent",
  contained("Win32_Directory", "Win32_Directory",
    function(all, path) return all:directories(path) end))

-- System ----------------------------------------------------------------------------------------

M:instances("Win32_OperatingSystem", function(context)
  local hyperv = context.hyperv
  return {
    {
      class = "Win32_OperatingSystem",
      values = {
        Name = "Microsoft Windows Server 2022 Datacenter|C:\\Windows|",
        Caption = "Microsoft Windows Server 2022 Datacenter",
        CSName = context.host,
        Version = "10.0.20348",
        BuildNumber = "20348",
        LocalDateTime = context.world:dmtf(),
        FreePhysicalMemory = hyperv:free_memory() * 1024,
        TotalVisibleMemorySize = hyperv.memory * 1024,
        Status = "OK",
      },
    },
  }
end)

M:instances("Win32_ComputerSystem", function(context)
  return {
    {
      class = "Win32_ComputerSystem",
      values = {
        Name = context.host,
        Domain = "WORKGROUP",
        Manufacturer = "NEC",
        Model = "Express5800",
        TotalPhysicalMemory = context.hyperv.memory * 1048576,
        Status = "OK",
      },
    },
  }
end)

M:instances("Win32_Process", function(context)
  local list = {}
  for i, one in ipairs(context.hyperv:processes()) do
    list[i] = {
      class = "Win32_Process",
      values = {
        Handle = tostring(one.process), Name = one.name, ProcessId = one.process,
        CommandLine = "C:\\Windows\\System32\\" .. one.name .. (one.id and " " .. one.id or ""),
        CSName = context.host,
      },
    }
  end
  return list
end)

-- Programs that the lab knows: pnputil /scan-devices, icacls <file> /grant.
M:method("Win32_Process", "Create", function(context, _, args)
  local line = (args.CommandLine or ""):lower()
  if line:find("pnputil", 1, true) and line:find("/scan-devices", 1, true) then
    context.node.pnp:rescan()
  elseif line:find("icacls", 1, true) and line:find("/grant", 1, true) then
    local path = line:match('icacls[%.exe]*"?%s+"([^"]+)"') or line:match("icacls[%.exe]*%s+(%S+)")
    context.node.files:grant(path or "")
  else
    return 9 -- path not found
  end
  return 0, { ProcessId = 4242 }
end)

return M
