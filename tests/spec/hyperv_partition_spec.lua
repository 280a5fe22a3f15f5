-- The native hyperv against the lab over sockets: shares of a GPU.
local support = require("support.hyperv")

local VM, raises, misuse = support.VM, support.raises, support.misuse
local NOBODY = "00000000-0000-0000-0000-000000000000"

describe("hyperv", function()
  local rig, h, p, gpu

  -- The card is with its driver on ms1; it can be divided into four parts.
  local function start(options)
    options = options or {}
    options.vms = options.vms or { vme2 = { prepared = true } }
    rig = support.start(options)
    h, p = rig:hyperv("ms1", { job_timeout = 5 }), rig:pnp()
    rig:connect()
    gpu = h:partitionable_gpus()[1]
  end

  local function card()
    return p:devices({ vendor = "10de", device = "1f08" })[1]
  end

  after_each(function()
    rig:stop()
  end)

  describe("partitionable_gpus", function()
    it("gives the cards that can be shared, with what is left of them", function()
      start()
      assert.equal(card().id, gpu.instance)
      assert.truthy(gpu.name:find("^\\\\%?\\PCI#VEN_10DE&DEV_1F08"))
      assert.same({ "10de", "1f08" }, { gpu.vendor, gpu.device })
      assert.same({ 1, 2, 4 }, gpu.counts)
      assert.same({ 4, "6GiB", "6GiB", "1536MiB" }, { gpu.partitions, gpu.total_vram,
        gpu.available_vram, gpu.optimal_vram })
    end)

    it("gives none whose driver is disabled, which is dismounted or away", function()
      start()
      p:disable(card().id)
      assert.same({}, h:partitionable_gpus())
      h:dismount({ location = card().location, force = true })
      assert.same({}, h:partitionable_gpus())
      rig:stop()
      rig = support.start({})
      assert.same({}, rig:hyperv("ms2"):partitionable_gpus())
    end)

    it("gives none on a host that does not know the class", function()
      start()
      rig.world.faults:add({ target = "ms1", match = { class = "Msvm_PartitionableGpu" },
        effect = "error", hresult = 0x80041010 })
      assert.same({}, h:partitionable_gpus())
    end)
  end)

  describe("add_partition", function()
    it("gives a machine a share of the named card, once", function()
      start()
      assert.same({}, h:partitions(VM))
      assert.is_true(h:add_partition(VM, { gpu = gpu.name, vram = "2GiB" }))
      local shares = h:partitions(VM)
      assert.truthy(shares[1].id:find("^Microsoft:" .. VM:gsub("%-", "%%-") .. "\\"))
      shares[1].id = nil
      assert.same({ { gpu = gpu.name, present = true, vram = "2GiB" } }, shares)
      assert.is_false(h:add_partition(VM, { gpu = gpu.name:lower(), vram = "2048MiB" }))
      assert.equal(1, rig:count("AddResourceSettings"))
    end)

    it("takes any card where none is named", function()
      start()
      assert.is_true(h:add_partition(VM, { vram = "0B" }))
      assert.is_false(h:add_partition(VM, { vram = "0B" }))
      assert.is_nil(h:partitions(VM)[1].gpu)
      h:start(VM)
      assert.equal("4608MiB", h:partitionable_gpus()[1].available_vram)
    end)

    it("does not change the size of a share silently", function()
      start()
      h:add_partition(VM, { gpu = gpu.name, vram = "2GiB" })
      local problem = raises("HYPERV_EXISTS", h.add_partition, h, VM,
        { gpu = gpu.name, vram = "3GiB" })
      assert.truthy(problem.hint:find("remove", 1, true))
      assert.equal("2GiB", h:partitions(VM)[1].vram)
    end)

    it("refuses a card that is not there, a machine that runs and one that is not there",
      function()
        start()
        raises("HYPERV_DEVICE_GONE", h.add_partition, h, VM, { gpu = "x", vram = "1GiB" })
        raises("HYPERV_VM_NOT_FOUND", h.add_partition, h, NOBODY, { vram = "1GiB" })
        h:start(VM)
        raises("HYPERV_STATE", h.add_partition, h, VM, { gpu = gpu.name, vram = "1GiB" })
        assert.equal(0, rig:count("AddResourceSettings"))
      end)

    it("finds misuse before anything is sent", function()
      start()
      misuse("vram", h.add_partition, h, VM, { gpu = gpu.name })
      misuse("vram", h.add_partition, h, VM, { vram = "much" })
      misuse("gpu", h.add_partition, h, VM, { card = gpu.name, vram = "1GiB" })
      misuse("empty", h.add_partition, h, VM, { gpu = "", vram = "1GiB" })
    end)
  end)

  describe("a machine with a share", function()
    it("starts with it and gives it back when it is off", function()
      start()
      h:add_partition(VM, { gpu = gpu.name, vram = "2GiB" })
      h:start(VM)
      assert.equal("4GiB", h:partitionable_gpus()[1].available_vram)
      h:turn_off(VM)
      assert.equal("6GiB", h:partitionable_gpus()[1].available_vram)
    end)

    it("does not start where the share is not left", function()
      start()
      h:add_partition(VM, { gpu = gpu.name, vram = "8GiB" })
      local problem = raises("HYPERV_RESOURCES", h.start, h, VM)
      assert.truthy(problem.message:find("partition", 1, true))
      assert.equal("off", h:vm(VM).state)
    end)

    it("shows a share of a card that is gone, and gives it up", function()
      start()
      h:add_partition(VM, { gpu = gpu.name, vram = "2GiB" })
      rig.world:eem():free(support.GPU)
      rig.world:advance()
      local share = h:partitions(VM)[1]
      assert.is_false(share.present)
      assert.equal(gpu.name:lower(), share.gpu:lower())
      assert.is_true(h:remove_partition(VM, share.id))
      assert.is_false(h:remove_partition(VM, share.id))
      assert.same({}, h:partitions(VM))
    end)

    it("must not lose its card", function()
      start()
      h:add_partition(VM, { gpu = gpu.name, vram = "2GiB" })
      h:start(VM)
      p:disable(card().id)
      assert.equal("I1", rig.world:violations()[1].id)
    end)
  end)
end)
