-- The failures that are likely at three in the morning, each as the scenario that makes it.
-- `exit` and `code` as scenarios have them; `happened`, `whom` and `remedy` are pieces of what
-- people are told: what happened, to which node, host or device, what they do about it.
local UNREGISTERED = 'cluster { vms = { vme2 = { prepared = true, registered = {} } } }\n'
local ON_MS1 = 'expect(start("vme2", "ms1"), { exit = "ok" })\n'
local DISK = [[G:\\Hyper-V\\vme2\\Virtual Hard Disks\\vme2.vhdx]]

-- A fault of one target, whatever is asked.
local function all(target, fields)
  return ('fault { target = "%s", match = {}, %s }'):format(target, fields)
end

-- Every job of a method fails like this.
local function job_fails(method, fields)
  return ('fault { target = "ms1", match = { method = "%s" }, effect = "job fails", '
    .. 'times = 100000, %s }'):format(method, fields)
end

local HELD_BY_MS1 = [[
cluster { devices = { ["0x8cdf9d911c60"] = { group_id = 50 } },
  vms = { vme2 = { prepared = true, registered = {} } } }
move_disk "ms2"
]]

return {
  {
    title = "the password of ExpEther Manager is wrong",
    play = all("eem", 'effect = "error", http = 401, text = "Unauthorized"'),
    exit = "configuration", code = "EEM_AUTH",
    happened = "Unauthorized", whom = "ExpEther Manager: ", remedy = "takeover secret set",
  },
  {
    title = "the password of this node is wrong",
    play = all("ms1", 'effect = "error", http = 401, text = "Unauthorized"'),
    exit = "configuration", code = "WMI_AUTH",
    happened = "Unauthorized", whom = "ms1: ", remedy = "nodes.ms1.wmi.user",
  },
  {
    title = "the password of the other node is wrong",
    play = HELD_BY_MS1
      .. all("ms1", 'effect = "error", http = 401, text = "Unauthorized"'),
    node = "ms2", exit = "configuration", code = "WMI_AUTH",
    happened = "start of vme2 on ms2", whom = "ms1: ", remedy = "nodes.ms1.wmi.user",
  },
  {
    title = "this node is silent",
    play = 'fault { target = "ms1", match = {}, effect = "silence" }',
    exit = "failed", code = "WMI_UNREACHABLE",
    happened = "no ", whom = "ms1", remedy = "is ms1 up",
  },
  {
    title = "this node refuses connections",
    play = 'fault { target = "ms1", match = {}, effect = "unreachable" }',
    exit = "failed", code = "WMI_UNREACHABLE",
    happened = "no connection", whom = "ms1", remedy = "winrm quickconfig",
  },
  {
    title = "the machine management service is stopped: lists are empty",
    play = 'fault { target = "ms1", match = {}, effect = "empty" }',
    exit = "refused", code = "WMI_EMPTY",
    happened = "the list of virtual machines", whom = "ms1", remedy = "Get-Service vmms",
  },
  {
    title = "the account has no rights",
    play = all("ms1", 'effect = "error", hresult = 0x80041003, text = "access denied"'),
    exit = "configuration", code = "WMI_ACCESS",
    happened = "access denied", whom = "ms1", remedy = "Hyper-V Administrators",
  },
  {
    title = "the account has used up its quota of requests",
    play = 'fault { target = "ms1", match = {}, effect = "error", code = 0x80338104, '
      .. 'text = "the maximum number of concurrent operations has been exceeded" }',
    exit = "failed", happened = "maximum number", whom = "ms1", remedy = "running machines go on",
  },
  {
    title = "another host answers under the node's address",
    play = 'answers_as("ms1", "ms2")',
    exit = "configuration", code = "WMI_OTHER_HOST",
    happened = "says that it is MS2", whom = "the address of ms1", remedy = "nodes.ms1",
  },
  {
    title = "ExpEther Manager is down",
    play = 'admin("eem", { up = false })',
    exit = "failed", code = "EEM_UNREACHABLE",
    happened = "no connection", whom = "ExpEther Manager", remedy = "eem.url",
  },
  {
    title = "ExpEther Manager fails inside",
    play = all("eem", 'effect = "error", http = 500, text = "Internal Error"'),
    exit = "failed", code = "EEM_SERVER",
    happened = "Internal Error", whom = "ExpEther Manager", remedy = "log of ExpEther Manager",
  },
  {
    title = "the device is missing in ExpEther Manager",
    play = 'forget("0x8cdf9d911c60", "eem")',
    exit = "no_device", code = "NO_DEVICE",
    happened = "ExpEther Manager does not show it", whom = "gpu1 (0x8cdf9d911c60)",
    remedy = "is its I/O box on",
  },
  {
    title = "the device has no power",
    play = 'admin("device", { id = "0x8cdf9d911c60", power = "off" })',
    exit = "failed",
    happened = "no power", whom = "gpu1 (0x8cdf9d911c60)", remedy = "switch the device",
  },
  {
    title = "the link does not come up",
    play = "cluster { latency = { link = 100000 } }",
    exit = "failed",
    happened = "its link is down", whom = "gpu1 (0x8cdf9d911c60)", remedy = "power and cable",
  },
  {
    title = "the device is in use on the other node",
    play = [[
cluster {
  more = {
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = "H:\\vme3",
      disks = { "H:\\vme3\\vme3.vhdx" }, adapters = { "vSwitch" }, registered = "ms2",
      memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms2" } },
  },
  parameters = { vms = { vme3 = {
    path = "H:\\vme3",
    gpus = { { vendor = "10de", device = "1f08", labels = { purpose = "training" } } },
    mmio = { low = "3GiB", high = "33280MiB" },
  } } },
}
expect(start("vme3", "ms2"), { exit = "ok" })]],
    exit = "refused", code = "REFUSED", happened = "is used on ms2 by the running",
    whom = "gpu1 (0x8cdf9d911c60)", remedy = "stop vme3 on ms2 first",
  },
  {
    title = "nothing proves that the other node is down",
    play = HELD_BY_MS1 .. 'partition "ms1"',
    node = "ms2", exit = "refused", code = "NO_EVIDENCE",
    happened = "gpu1 (0x8cdf9d911c60) is in the group of ms1", whom = "ms1",
    remedy = '--evidence "ms1 is powered off',
  },
  {
    title = "somebody else moves the device",
    play = [[
when({ verb = "PUT", path = "~group_id" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)]],
    exit = "failed", code = "SECOND_WRITER",
    happened = "which nobody here wrote", whom = "gpu1 (0x8cdf9d911c60)", remedy = "find who else",
  },
  {
    title = "the machine runs on the other node",
    play = ON_MS1, node = "ms2", exit = "refused", code = "REFUSED",
    happened = "vme2 is running", whom = "ms1", remedy = "takeover --node ms1 stop vme2",
  },
  {
    title = "the machine is registered in another folder",
    play = [[
cluster {
  vm = { path = "G:\\Hyper-V\\other" },
  parameters = { vms = { vme2 = { id = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42" } } },
}]],
    exit = "refused", code = "REFUSED",
    happened = "is registered on ms1 with its configuration in", whom = "ms1",
    remedy = "vms.vme2.path",
  },
  {
    title = "the disk is not connected to this node",
    play = UNREGISTERED .. 'move_disk "ms2"',
    exit = "failed",
    happened = "no configuration file is in G:", whom = "ms1",
    remedy = "is the shared disk connected to ms1",
  },
  {
    title = "EXPRESSCLUSTER could not connect the disk",
    play = "", options = '{ disk = "failure" }',
    exit = "refused", code = "REFUSED",
    happened = "could not connect the disk", whom = "ms1", remedy = "disk resource",
  },
  {
    title = "the machine has no right on its disk file",
    play = job_fails("RequestStateChange",
      'hresult = 0x80070005, text = "access denied: ' .. DISK .. '"'),
    exit = "failed", code = "HYPERV_ACCESS",
    happened = "vme2.vhdx", whom = "ms1",
    remedy = "icacls \"G:\\Hyper-V",
  },
  {
    title = "another program has the disk file open",
    play = job_fails("RequestStateChange", 'hresult = 0x80070020, text = "in use: ' .. DISK .. '"'),
    exit = "failed", code = "HYPERV_IN_USE",
    happened = "vme2.vhdx", whom = "ms1", remedy = "backup, antivirus",
  },
  {
    title = "a disk file is not there",
    play = UNREGISTERED
      .. 'admin("delete file", { node = "ms1", path = "' .. DISK .. '" })',
    exit = "failed", code = "HYPERV_INVALID", happened = "vme2.vhdx", whom = "ms1",
    remedy = "mend on ms1 what Hyper-V names",
  },
  {
    title = "the machine's address space is too small for the card",
    play = 'cluster { vm = { mmio = { low = "128MiB", high = "512MiB" } } }',
    exit = "failed", code = "HYPERV_RESOURCES",
    happened = "memory mapped I/O space is too small", whom = "ms1", remedy = "vms.vme2.mmio",
  },
  {
    title = "the node lacks memory",
    play = "cluster { vms = { vme2 = { prepared = true, memory = 131072 } } }",
    exit = "failed", code = "HYPERV_RESOURCES",
    happened = "not enough memory", whom = "ms1", remedy = "free memory on ms1",
  },
  {
    title = "the device cannot be assigned",
    play = job_fails("DismountAssignableDevice", 'hresult = 0xC035001B, text = "the current '
      .. 'configuration does not allow for OS control of the PCI Express bus"'),
    exit = "failed", code = "HYPERV_NOT_ASSIGNABLE",
    happened = "PCI Express bus", whom = "ms1", remedy = "firmware of ms1",
  },
  {
    title = "the device vanishes from the node",
    play = [[
when({ step = "GPU dismounted from this node" }, function()
  admin("device", { id = "0x8cdf9d911c60", power = "off" })
end)]],
    exit = "failed", code = "HYPERV_DEVICE_GONE", happened = "assigned device cannot be found",
    whom = "ms1", remedy = "power and cable",
  },
  {
    title = "the machine stands saved",
    play = 'cluster { vms = { vme2 = { prepared = true } } }\nby_hand("start", "vme2", "ms1")\n'
      .. 'wait(20)\nby_hand("save", "vme2", "ms1")\nwait(10)',
    exit = "refused", happened = "vme2 is saved", whom = "ms1", remedy = "Remove-VMSavedState",
  },
  {
    title = "the machine's storage is gone",
    play = ON_MS1 .. "move_disk(nil)\nwait(5)\n",
    exit = "failed", happened = "configuration storage is not reachable", whom = "vme2 on ms1",
    remedy = "is the shared disk connected to ms1",
  },
  {
    title = "no heartbeat comes",
    play = 'admin("guest", { vm = "vme2", silent = true })',
    exit = "failed", happened = "VM's heartbeat seen", whom = "vme2 on ms1",
    remedy = "vmconnect ms1 vme2",
  },
  {
    title = "the guest has no GPU",
    play = 'cluster { vm = { guest_gpu = true } }\n'
      .. 'admin("guest", { vm = "vme2", broken_driver = true })',
    exit = "failed", code = "VM_WITHOUT_GPU", happened = "the guest says: error",
    whom = "vme2 on ms1", remedy = "Device Manager, nvidia-smi",
  },
  {
    title = "another run is active",
    play = 'launch("start", "vme2", "ms1")\nwait(5)',
    exit = "busy", code = "BUSY", happened = "another run for vme2", whom = "ms1 start",
    remedy = "it ends by itself",
  },
  {
    title = "the validation hangs",
    play = UNREGISTERED
      .. 'fault { target = "ms1", match = { method = "ValidatePlannedSystem" }, '
      .. 'effect = "job hangs" }',
    exit = "failed", happened = "ValidatePlannedSystem", whom = "ms1",
    remedy = "Restart-Service vmms",
  },
  {
    title = "the time of the run is used up",
    play = "cluster { latency = { link = 100000 } }", options = "{ timeout = 20 }",
    exit = "deadline", code = "DEADLINE", happened = "time of the whole run was used up",
    whom = "gpu1 (0x8cdf9d911c60)", remedy = "--timeout",
  },
  {
    title = "the node lacks the machine's switch",
    play = 'cluster { vms = { vme2 = { prepared = true, adapters = { "lab net" }, '
      .. 'registered = {} } } }',
    exit = "refused", happened = "no virtual switch lab net", whom = "ms1", remedy = "New-VMSwitch",
  },
  {
    title = "the device is in a group of nobody",
    play = 'cluster { devices = { ["0x8cdf9d911c60"] = { group_id = 77 } } }',
    exit = "refused", happened = "group 77", whom = "gpu1", remedy = "del_gid",
  },
  {
    title = "the machine cannot be stopped",
    command = "stop",
    play = ON_MS1 .. 'admin("guest", { vm = "vme2", ignores = true })\n'
      .. job_fails("RequestStateChange", 'text = "refused"'),
    exit = "failed", happened = "refused", whom = "ms1", remedy = "ms1",
  },
}
