-- Modules under the names that they had before: scripts of administrators go on working.
local fs = require("fs")
local renamed = require("core.renamed")

describe("a module's former name", function()
  it("gives the module under its present name", function()
    for before, now in pairs(renamed) do
      assert.are.equal(require(now), require(before), before)
    end
    assert.are.equal(require("core.scheduler"), require("host.scheduler"))
  end)

  it("is no file any more, so that nothing is there twice", function()
    for before in pairs(renamed) do
      assert.is_nil(fs.find("lua/" .. before:gsub("%.", "/") .. ".lua"), before)
    end
  end)
end)
