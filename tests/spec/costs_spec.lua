-- What taking a device costs, by its own history.
local attach_history = require("failover.devices.attach_history")

describe("costs", function()
  it("are the mean time of the last five connections", function()
    local rows = {}
    for i = 1, 7 do
      rows[i] = { device = "a", state = "done", took = i }
    end
    rows[8] = { device = "b", state = "done", took = 2 }
    assert.same({ a = 3, b = 2 }, attach_history.of(rows))
  end)

  it("are a minute for each connection that failed", function()
    assert.same({ a = 31 }, attach_history.of({
      { device = "a", state = "failed", took = 1 }, { device = "a", state = "done", took = 2 },
    }))
  end)

  it("are nothing without a journal, or with one that cannot be read", function()
    assert.same({}, attach_history.from(nil))
    assert.same({}, attach_history.from({
      device_times = function()
        error("torn")
      end,
    }))
  end)
end)
