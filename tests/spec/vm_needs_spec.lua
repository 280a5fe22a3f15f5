local needs = require("failover.vm.requirements")

local GIB = 2 ^ 30

describe("what a virtual machine with a GPU needs", function()
  it("is nothing more when its memory is static and checkpoints are off", function()
    assert.are.same({}, needs.remarks({ dynamic_memory = false, checkpoints = "disabled" }, "vme2"))
    assert.are.same({}, needs.remarks({}, "vme2")) -- what a host does not tell is no fault
  end)

  it("comes with the line that mends it, for the machine's own name", function()
    local list = needs.remarks({ dynamic_memory = true, checkpoints = "standard" }, "Sato's")
    assert.are.equal(2, #list)
    assert.are.equal("Set-VMMemory -VMName 'Sato''s' -DynamicMemoryEnabled $false", list[1].line)
    assert.are.equal("Set-VM -Name 'Sato''s' -CheckpointType Disabled", list[2].line)
  end)

  local devices = {
    a = { memory = 6 * GIB }, b = { memory = 16 * GIB }, c = {},
  }

  it("is address space for each device, rounded up to a power of two", function()
    assert.are.equal(8 * GIB, needs.high_mmio(devices, { "a" }))
    assert.are.equal(24 * GIB, needs.high_mmio(devices, { "a", "b", "c", "unknown" }))
    assert.is_nil(needs.high_mmio(devices, { "c" }))
  end)

  it("is said where mmio.high is smaller, and only there", function()
    local vm = { key = "vme2", mmio = { high = "16GiB" } }
    assert.is_nil(needs.small_mmio(vm, devices, { "b" }))
    assert.is_truthy(needs.small_mmio(vm, devices, { "a", "b" }):find('write high = "24GiB"', 1,
      true))
    vm.mmio.high = "16383MiB"
    assert.is_truthy(needs.small_mmio(vm, devices, { "b" }))
    assert.is_nil(needs.small_mmio({ key = "vme2", mmio = {} }, devices, { "b" }))
    assert.is_nil(needs.small_mmio(vm, devices, { "c" }))
  end)
end)
