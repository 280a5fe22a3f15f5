-- What taking a device costs, by its own history.
local costs = require("failover.costs")

describe("costs", function()
  it("are the mean time of the last five connections", function()
    local rows = {}
    for i = 1, 7 do
      rows[i] = { device = "a", state = "done", took = i }
    end
    rows[8] = { device = "b", state = "done", took = 2 }
    assert.same({ a = 3, b = 2 }, costs.of(rows))
  end)

  it("are a minute for each connection that failed", function()
    assert.same({ a = 31 }, costs.of({
      { device = "a", state = "failed", took = 1 }, { device = "a", state = "done", took = 2 },
    }))
  end)

  it("are nothing without a journal, or with one that cannot be read", function()
    assert.same({}, costs.from(nil))
    assert.same({}, costs.from({
      device_times = function()
        error("torn")
      end,
    }))
  end)
end)
