local problem_codes = require("failover.devices.problem_codes")

describe("a problem code of Windows", function()
  it("is explained with what to do, also one that is not known", function()
    for _, code in ipairs({ 10, 12, 14, 28, 31, 43, 99 }) do
      local text, remedy = problem_codes.explain(code)
      assert.matches("^problem code " .. code .. ": %a", text)
      assert.is_true(#remedy > 10)
    end
  end)

  it("is none of a card that is well, disabled, dismounted or gone", function()
    for _, code in ipairs({ 0, 22, 24, 45 }) do
      assert.is_nil(problem_codes.explain(code))
    end
    assert.is_nil(problem_codes.explain(nil))
    assert.is_nil(problem_codes.of_devices({ { id = "PCIP", dismounted = true, problem = 43 } }))
    assert.is_nil(problem_codes.of_devices(nil))
  end)
end)
