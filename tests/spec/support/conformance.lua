-- What conformance_spec.lua compares the two faces of the lab's world in: states of the world,
-- calls of every verb, faults.
local scheduler = require("core.scheduler")
local seed = require("lab.clusters.seed")
local support = require("support.hyperv")
local world_module = require("lab.world")

local M = {}

local VM, GPU, FILE, ROOT, DISK = support.VM, support.GPU, support.FILE, support.ROOT, support.DISK
local NOBODY = "00000000-0000-0000-0000-000000000000"
local LIVE = ROOT .. "\\Virtual Machines"

-- Where the GPU is on ms1, and its names there.
local gpu = (function()
  local world = world_module.new({ cluster = seed, latency = 0, clock = scheduler })
  world:eem():set_group(GPU, 50)
  world:advance()
  for _, entry in ipairs(world:node("ms1").pnp.entries) do
    if entry.fn.device == "1f08" then
      return {
        location = entry.location, pci = entry.id, pcip = entry.dismounted_id,
        share = world:node("ms1").hyperv:partitionable()[1].name,
      }
    end
  end
end)()

-- Waits for the list of assignable devices, seconds where the device will never be in it: asked
-- only where it is.
M.slow = { ["hyperv:assign"] = true }

---- states of the world -----------------------------------------------------------------------

-- What happens to a fresh world; each function gets the world and ms1.
M.happen = {
  connect = function(w)
    w:eem():set_group(GPU, 50)
  end,
  disable = function(_, ms1)
    ms1.pnp:disable(gpu.pci)
  end,
  dismount = function(_, ms1)
    return ms1.hyperv:dismount({ location = gpu.location, instance = gpu.pci,
      require_acs = false, require_mitigations = false })
  end,
  assign = function(_, ms1)
    return ms1.hyperv:add_resource(VM, { kind = "pci", location = gpu.location })
  end,
  share = function(_, ms1)
    return ms1.hyperv:add_partition(VM, { gpu = gpu.share, amount = 2 << 30 })
  end,
  start = function(_, ms1)
    return ms1.hyperv:request_state(VM, 2)
  end,
  save = function(_, ms1)
    return ms1.hyperv:request_state(VM, 6)
  end,
  pause = function(_, ms1)
    return ms1.hyperv:request_state(VM, 9)
  end,
  shut_down = function(_, ms1)
    return ms1.hyperv:initiate_shutdown(VM, true)
  end,
  import = function(_, ms1)
    return ms1.hyperv:import_definition(FILE, nil, false)
  end,
  keep_root = function(_, ms1)
    return ms1.hyperv:modify_system(VM, { root = ROOT, snapshot_root = ROOT, swap_root = ROOT })
  end,
  realize = function(_, ms1)
    return ms1.hyperv:realize(VM)
  end,
  free = function(w)
    w:eem():free(GPU)
  end,
  lose_disk = function(w)
    w:admin("move disk", { disk = "G:" })
  end,
  lose_power = function(w)
    w:admin("kill", { node = "ms1" })
  end,
  eem_down = function(w)
    w.faults:add({ target = "eem", effect = "drop" })
  end,
}

local PREPARED = { vme2 = { prepared = true } }
local AWAY = { vme2 = { registered = {} } }

-- name, what happens, options of the world
M.states = {
  { "as set up", "" },
  { "prepared", "", { vms = PREPARED } },
  { "GPU connected", "connect", { vms = PREPARED } },
  { "driver disabled", "connect disable", { vms = PREPARED } },
  { "dismounted", "connect disable dismount", { vms = PREPARED } },
  { "assigned", "connect disable dismount assign", { vms = PREPARED } },
  { "running with the GPU", "connect disable dismount assign start", { vms = PREPARED } },
  { "with a share", "connect share", { vms = PREPARED } },
  { "running with a share", "connect share start", { vms = PREPARED } },
  { "share of a card that is gone", "connect share free", { vms = PREPARED } },
  { "running, not booted", "start", { latency = { boot = 3600 } } },
  { "starting", "start", { latency = { start = 3600 } } },
  { "shutting down", "start shut_down", { latency = { shutdown = 3600 } } },
  { "saved", "start save" },
  { "paused", "start pause" },
  { "not registered", "", { vms = AWAY } },
  { "planned", "import", { vms = AWAY } },
  { "planned in its place", "import keep_root", { vms = AWAY } },
  { "registered anew", "import keep_root realize", { vms = AWAY } },
  { "orphan assignment", "connect disable dismount assign free", { vms = PREPARED } },
  { "disk elsewhere", "lose_disk" },
  { "disk lost while it runs", "start lose_disk" },
  { "node down", "connect lose_power" },
  { "ExpEther Manager down", "eem_down" },
}

---- calls -------------------------------------------------------------------------------------

-- Each gets the natives of ms1: e eem, h hyperv, p pnp, f files.
M.looks = {
  ["eem:version"] = function(n) return n.e:version() end,
  ["eem:devices"] = function(n) return n.e:devices() end,
  ["eem:devices of a kind"] = function(n) return n.e:devices({ status = "io" }) end,
  ["eem:devices of a group"] = function(n) return n.e:devices({ group_id = 50 }) end,
  ["eem:devices by id only"] = function(n) return n.e:devices({ detail = false }) end,
  ["eem:device"] = function(n) return n.e:device(GPU) end,
  ["eem:device of nobody"] = function(n) return n.e:device("0x99") end,
  ["eem:find_device"] = function(n) return n.e:find_device("0x8CDF9D911C60") end,
  ["eem:find_device of nobody"] = function(n) return n.e:find_device("0x99") end,
  ["hyperv:host"] = function(n) return n.h:host() end,
  ["hyperv:vms"] = function(n) return n.h:vms() end,
  ["hyperv:workers"] = function(n) return n.h:workers() end,
  ["hyperv:planned_vms"] = function(n) return n.h:planned_vms() end,
  ["hyperv:vm"] = function(n) return n.h:vm(VM:lower()) end,
  ["hyperv:vm of nobody"] = function(n) return n.h:vm("nobody") end,
  ["hyperv:find_vm"] = function(n) return n.h:find_vm("vme2") end,
  ["hyperv:find_vm by braces"] = function(n) return n.h:find_vm("{" .. VM .. "}") end,
  ["hyperv:find_vm of nobody"] = function(n) return n.h:find_vm(NOBODY) end,
  ["hyperv:settings"] = function(n) return n.h:settings(VM) end,
  ["hyperv:settings of the planned"] = function(n)
    return n.h:settings({ id = VM, planned = true })
  end,
  ["hyperv:definition"] = function(n) return n.h:definition(FILE) end,
  ["hyperv:definition of no file"] = function(n) return n.h:definition(ROOT .. "\\x.vmcx") end,
  ["hyperv:disks"] = function(n) return n.h:disks(VM) end,
  ["hyperv:adapters"] = function(n) return n.h:adapters(VM) end,
  ["hyperv:adapters of nobody"] = function(n) return n.h:adapters(NOBODY) end,
  ["hyperv:assignable_devices"] = function(n) return n.h:assignable_devices() end,
  ["hyperv:assigned"] = function(n) return n.h:assigned(VM) end,
  ["hyperv:partitionable_gpus"] = function(n) return n.h:partitionable_gpus() end,
  ["hyperv:partitions"] = function(n) return n.h:partitions(VM) end,
  ["hyperv:partitions of nobody"] = function(n) return n.h:partitions(NOBODY) end,
  ["hyperv:assignments"] = function(n) return n.h:assignments() end,
  ["hyperv:assigned of the registered"] = function(n)
    return n.h:assigned({ id = VM, planned = false })
  end,
  ["hyperv:heartbeat"] = function(n) return n.h:heartbeat(VM) end,
  ["hyperv:heartbeat of nobody"] = function(n) return n.h:heartbeat(NOBODY) end,
  ["hyperv:guest_items"] = function(n) return n.h:guest_items(VM) end,
  ["hyperv:validate"] = function(n) return n.h:validate(VM) end,
  ["hyperv:jobs"] = function(n) return n.h:jobs() end,
  ["pnp:devices"] = function(n) return n.p:devices() end,
  ["pnp:devices, absent too"] = function(n) return n.p:devices({ absent = true }) end,
  ["pnp:devices of a model"] = function(n)
    return n.p:devices({ vendor = "10DE", device = "1F08", class = "display" })
  end,
  ["pnp:devices at a location"] = function(n) return n.p:devices({ location = gpu.location }) end,
  ["pnp:devices without locations"] = function(n) return n.p:devices({ locations = false }) end,
  ["pnp:devices of an id"] = function(n) return n.p:devices({ id = gpu.pci:lower() }) end,
  ["files:list"] = function(n) return n.f:list(LIVE) end,
  ["files:list of nothing"] = function(n) return n.f:list("G:\\nowhere") end,
  ["files:find"] = function(n) return n.f:find(FILE:upper()) end,
  ["files:find of nothing"] = function(n) return n.f:find("G:\\nowhere.txt") end,
  ["files:find of a directory"] = function(n) return n.f:find(LIVE) end,
  ["files:find_directory"] = function(n) return n.f:find_directory(LIVE:gsub("\\", "/") .. "/") end,
  ["files:find_directory of a file"] = function(n) return n.f:find_directory(FILE) end,
}

local READY = { stop_action = "turn off", start_action = "none", cache_types = true,
  low_mmio = "3GiB", high_mmio = "33280MiB" }

local function first(list, field)
  return list[1] and list[1][field] or "Microsoft:" .. VM .. "\\" .. NOBODY
end

M.changes = {
  ["eem:connect"] = function(n) return n.e:connect(GPU, 50) end,
  ["eem:connect elsewhere"] = function(n) return n.e:connect(GPU, 150) end,
  ["eem:connect to nobody's group"] = function(n) return n.e:connect(GPU, 51) end,
  ["eem:connect of nobody"] = function(n) return n.e:connect("0x99", 50) end,
  ["eem:connect to any group"] = function(n) return n.e:connect(GPU) end,
  ["eem:disconnect"] = function(n) return n.e:disconnect(GPU) end,
  ["eem:disconnect of nobody"] = function(n) return n.e:disconnect("0x99") end,
  ["eem:audit"] = function(n) return n.e:audit(GPU) end,
  ["hyperv:import"] = function(n) return n.h:import(FILE) end,
  ["hyperv:import of no file"] = function(n) return n.h:import(ROOT .. "\\x.vmcx") end,
  ["hyperv:configure"] = function(n) return n.h:configure(VM, READY) end,
  ["hyperv:configure at any time"] = function(n)
    return n.h:configure(VM, { stop_action = "shut down", checkpoints = "disabled" })
  end,
  ["hyperv:configure folders"] = function(n)
    return n.h:configure(VM, { root = ROOT .. "\\", snapshot_root = ROOT, swap_root = "G:\\swap" })
  end,
  ["hyperv:configure of nobody"] = function(n) return n.h:configure(NOBODY, READY) end,
  ["hyperv:relink_disk"] = function(n)
    return n.h:relink_disk(VM, first(n.h:disks(VM), "id"), "G:\\other.vhdx")
  end,
  ["hyperv:relink_disk to the same"] = function(n)
    return n.h:relink_disk(VM, first(n.h:disks(VM), "id"), DISK:upper())
  end,
  ["hyperv:relink_disk of nobody"] = function(n)
    return n.h:relink_disk(VM, "Microsoft:" .. VM .. "\\x", DISK)
  end,
  ["hyperv:disconnect_adapter"] = function(n)
    return n.h:disconnect_adapter(VM, first(n.h:adapters(VM), "id"))
  end,
  ["hyperv:disconnect_adapter of nobody"] = function(n)
    return n.h:disconnect_adapter(VM, "Microsoft:" .. VM .. "\\x")
  end,
  ["hyperv:realize"] = function(n) return n.h:realize(VM) end,
  ["hyperv:discard"] = function(n) return n.h:discard(VM) end,
  ["hyperv:unregister"] = function(n) return n.h:unregister(VM) end,
  ["hyperv:export"] = function(n) return n.h:export(VM, "G:\\export") end,
  ["hyperv:start"] = function(n) return n.h:start(VM) end,
  ["hyperv:start of nobody"] = function(n) return n.h:start(NOBODY) end,
  ["hyperv:shutdown"] = function(n) return n.h:shutdown(VM, { force = true }) end,
  ["hyperv:turn_off"] = function(n) return n.h:turn_off(VM) end,
  ["hyperv:clear_saved_state"] = function(n) return n.h:clear_saved_state(VM) end,
  ["hyperv:dismount"] = function(n)
    return n.h:dismount({ instance = gpu.pci, location = gpu.location, force = true })
  end,
  ["hyperv:dismount without force"] = function(n)
    return n.h:dismount({ location = gpu.location:lower() })
  end,
  ["hyperv:dismount of nobody"] = function(n) return n.h:dismount({ location = "PCIROOT(9)" }) end,
  ["hyperv:mount"] = function(n) return n.h:mount({ location = gpu.location }) end,
  ["hyperv:assign"] = function(n) return n.h:assign(VM, gpu.location) end,
  ["hyperv:unassign"] = function(n)
    return n.h:unassign(VM, first(n.h:assigned(VM), "id"))
  end,
  ["hyperv:add_partition"] = function(n)
    return n.h:add_partition(VM, { gpu = gpu.share, vram = "2GiB" })
  end,
  ["hyperv:add_partition of another size"] = function(n)
    return n.h:add_partition(VM, { gpu = gpu.share:lower(), vram = "1GiB" })
  end,
  ["hyperv:add_partition of any card"] = function(n)
    return n.h:add_partition(VM, { vram = "1500MiB" })
  end,
  ["hyperv:add_partition of no card"] = function(n)
    return n.h:add_partition(VM, { gpu = "nothing", vram = "0B" })
  end,
  ["hyperv:remove_partition"] = function(n)
    return n.h:remove_partition(VM, first(n.h:partitions(VM), "id"))
  end,
  ["pnp:disable"] = function(n) return n.p:disable(gpu.pci) end,
  ["pnp:disable of the dismounted"] = function(n) return n.p:disable(gpu.pcip) end,
  ["pnp:enable"] = function(n) return n.p:enable(gpu.pci:lower()) end,
  ["pnp:enable of nobody"] = function(n) return n.p:enable("PCI\\nobody") end,
  ["pnp:rescan"] = function(n) return n.p:rescan() end,
  ["files:copy_directory"] = function(n) return n.f:copy_directory(LIVE, LIVE .. ".new") end,
  ["files:copy_directory onto another"] = function(n)
    return n.f:copy_directory(LIVE, ROOT .. "\\Virtual Hard Disks")
  end,
  ["files:copy_directory of nothing"] = function(n)
    return n.f:copy_directory("G:\\no", "G:\\x")
  end,
  ["files:rename_directory"] = function(n) return n.f:rename_directory(LIVE, LIVE .. ".old") end,
  ["files:delete_directory"] = function(n) return n.f:delete_directory(LIVE) end,
  ["files:delete_directory of nothing"] = function(n) return n.f:delete_directory("G:\\no") end,
  ["files:copy"] = function(n) return n.f:copy(FILE, FILE .. ".copy") end,
  ["files:copy of nothing"] = function(n) return n.f:copy("G:\\no.txt", "G:\\x.txt") end,
  ["files:copy onto another"] = function(n) return n.f:copy(FILE, DISK) end,
  ["files:rename"] = function(n) return n.f:rename(FILE, FILE .. ".old") end,
  ["files:rename to another drive"] = function(n) return n.f:rename(FILE, "C:\\x.vmcx") end,
  ["files:delete"] = function(n) return n.f:delete(FILE) end,
  ["files:delete of nothing"] = function(n) return n.f:delete("G:\\no.txt") end,
}

---- faults ------------------------------------------------------------------------------------

-- Every verb that changes something, and a state in which it does.
M.works = {
  ["eem:connect"] = "prepared", ["eem:disconnect"] = "GPU connected", ["eem:audit"] = "prepared",
  ["hyperv:import"] = "not registered", ["hyperv:configure"] = "as set up",
  ["hyperv:relink_disk"] = "as set up", ["hyperv:disconnect_adapter"] = "as set up",
  ["hyperv:realize"] = "planned in its place", ["hyperv:discard"] = "planned",
  ["hyperv:unregister"] = "as set up", ["hyperv:export"] = "as set up",
  ["hyperv:start"] = "prepared", ["hyperv:shutdown"] = "running with the GPU",
  ["hyperv:turn_off"] = "running with the GPU", ["hyperv:clear_saved_state"] = "saved",
  ["hyperv:dismount"] = "driver disabled", ["hyperv:mount"] = "dismounted",
  ["hyperv:assign"] = "dismounted", ["hyperv:unassign"] = "assigned",
  ["hyperv:add_partition"] = "GPU connected", ["hyperv:remove_partition"] = "with a share",
  ["hyperv:validate"] = "planned", ["hyperv:definition"] = "as set up",
  ["pnp:disable"] = "GPU connected", ["pnp:enable"] = "driver disabled",
  ["pnp:rescan"] = "GPU connected", ["files:copy_directory"] = "as set up",
  ["files:rename_directory"] = "not registered", ["files:delete_directory"] = "not registered",
  ["files:copy"] = "as set up", ["files:rename"] = "not registered",
  ["files:delete"] = "not registered",
}

M.transport = {
  { effect = "drop" }, { effect = "drop after" }, { effect = "garbage" }, { effect = "html" },
  { effect = "error", http = 400 }, { effect = "error", http = 401 },
  { effect = "error", http = 403 }, { effect = "error", http = 404 },
  { effect = "error", http = 409 }, { effect = "error", http = 500 },
  { effect = "error after", http = 503 },
  { effect = "error", hresult = 0x80041001 }, { effect = "error", hresult = 0x80041002 },
  { effect = "error", hresult = 0x80041003 }, { effect = "error", hresult = 0x80041008 },
  { effect = "error", hresult = 0x80041045 }, { effect = "error after", hresult = 0x8004102F },
  { effect = "error", http = 503 }, { effect = "error", hresult = 0x800706BA },
  { effect = "error after", hresult = 0x800706BE }, { effect = "error", code = 2150859174 },
  { effect = "error after", code = 2150858793 }, { effect = "error", code = 1359 },
}
-- Looks that in C ask for the machine, too, where they find nothing of it.
M.asks_twice = {}
for name in ([[disks adapters assigned partitions heartbeat guest_items]]):gmatch("%S+") do
  M.asks_twice["hyperv:" .. name] = true
end

-- Answers that lack rows: of looks only.
M.lists = {
  { effect = "empty" }, { effect = "short", rows = "all" }, { effect = "short", rows = 1 },
  { effect = "short", rows = { "vme2" } }, { effect = "short", rows = { GPU } },
  { effect = "empty", match = { class = "Msvm_ComputerSystem" } },
  { effect = "empty", match = { class = "~^Msvm_PciExpress" } },
  { effect = "short", rows = { VM }, match = { class = "Msvm_VirtualSystemSettingData" } },
}
M.truths = {
  { effect = "return", value = 32775 }, { effect = "return", value = 32779 },
  { effect = "return", value = 5 },
  { effect = "lie" },
  { effect = "job fails" }, { effect = "job fails", code = 32774, text = "no words" },
  { effect = "job fails", code = 32779, text = "no words" },
  { effect = "job fails", code = 32775, text = "no words" },
  { effect = "job fails", code = 32777, text = "no words" },
  { effect = "job fails", text = "'vme2': Element not found. (0x80070490)" },
  { effect = "job fails", text = "General access denied error (0x80070005)" },
  { effect = "job fails", text = "the file is being used by another process" },
  { effect = "job fails", text = "the device is not assignable" },
  { effect = "job fails", text = "not enough memory (0x8007000E)" },
  { effect = "job hangs" }, { effect = "job vanishes" }, { effect = "job warns" },
}

return M
