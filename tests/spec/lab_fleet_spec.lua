-- The larger simulated cluster: its boxes, its 10G slots, and that both faces show the same.
local fleet = require("support.fleet")
local inprocess = require("lab.direct.eem")
local lab = require("support.lab")

describe("the simulated fleet", function()
  it("shows nothing of the card in a 10G slot, over HTTP and in process alike", function()
    local l = lab.start({ cluster = "fleet" })
    local shown = require("eem").open(l.eem):devices()
    local same = inprocess.open(l.server.world, { by = "spec", count = 0 }):devices()
    l:stop()
    assert.are.same(same, shown)
    local card = fleet.find(shown, "id", fleet.C1)
    assert.are.same({ "10g", "0000", "0000", "000000", "up" }, { card.type, card.vendor,
      card.device, card.class, card.link })
  end)

  it("loses all slots of a box with its power, and gets them back", function()
    local _, seen = fleet.read()
    local w = seen.world
    local function slots()
      local words = {}
      for _, slot in ipairs(w:eem().slots) do
        if slot.box == "box2" then
          words[#words + 1] = slot.power .. (slot.reachable and "" or " unreachable")
        end
      end
      return table.concat(words, ", ")
    end
    assert.are.equal("on, on, on, on", slots())
    assert.is_true(w:admin("box", { box = "box2", power = "off" }).changed)
    assert.is_false(w:admin("box", { box = "box2", power = "off" }).changed)
    assert.are.equal("off unreachable, off unreachable, off unreachable, off unreachable", slots())
    assert.are.equal("on", w:eem():device(fleet.A1).power)
    w:admin("box", { box = "box2", power = "on" })
    assert.are.equal("on, on, on, on", slots())
    assert.is_false(pcall(w.admin, w, "box", { box = "box9", power = "off" }))
    assert.is_false(pcall(w.admin, w, "box", { box = "box2", power = "half" }))
  end)

  it("has an example of parameters that fits it", function()
    local situation = fleet.read()
    assert.are.same({}, situation.warnings)
    for _, machine in ipairs(situation.vms) do
      assert.are_not.equal("absent", machine.state, machine.key)
    end
  end)
end)
