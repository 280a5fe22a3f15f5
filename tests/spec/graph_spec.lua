-- Copies of tables with all that they lead to.
local graph = require("graph")

describe("graph.copy", function()
  it("copies everything once, cycles, keys and metatables included", function()
    local shared, meta = { "x" }, { __index = error, __len = error, __newindex = error }
    local one = { 1, 2, nil, 4, a = shared, b = { shared, f = print }, [shared] = 0.5 }
    setmetatable(one, meta)
    rawset(one, "self", one)
    local copy = graph.copy(one)
    assert.are_not.equal(one, copy)
    assert.are.equal(meta, getmetatable(copy))
    assert.are.equal(copy, rawget(copy, "self"))
    local a = rawget(copy, "a")
    assert.are_not.equal(shared, a)
    assert.same({ "x" }, a)
    assert.are.equal(a, rawget(copy, "b")[1])
    assert.are.equal(print, rawget(copy, "b").f)
    assert.are.equal(0.5, rawget(copy, a))
    assert.same({ 1, 2, 4 }, { rawget(copy, 1), rawget(copy, 2), rawget(copy, 4) })
    a[1] = "y"
    assert.are.equal("x", shared[1])
  end)

  it("puts what it is given in the place of a table", function()
    local old, new = {}, {}
    local known = { [old] = new }
    local one = { old, { old } }
    local copy = graph.copy(one, known)
    assert.are.equal(new, copy[1])
    assert.are.equal(new, copy[2][1])
    assert.are.equal(copy, known[one])
  end)

  it("copies lists with gaps", function()
    assert.same({ { nil, nil, 3 }, { 1, nil, 3, nil, 5 } }, graph.copy({ { nil, nil, 3 },
      { 1, nil, 3, nil, 5 } }))
  end)

  it("has no limit of depth", function()
    local deep = {}
    for _ = 1, 100000 do
      deep = { deep }
    end
    local copy, count = graph.copy(deep), 0
    while copy[1] do
      copy, count = copy[1], count + 1
    end
    assert.are.equal(100000, count)
  end)

  it("copies tables only", function()
    assert.has_error(function() graph.copy(5) end)
    assert.has_error(function() graph.copy({}, 5) end)
  end)
end)
