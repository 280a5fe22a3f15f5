-- takeover gpu list, gpu suggest and vm list, as people and programs call them.
local exit_codes = require("core.exit_codes")
local fleet = require("support.fleet")
local parameters = require("failover.parameters")

local site

setup(function()
  site = fleet.site()
end)

teardown(function()
  site:close()
end)

before_each(function()
  site.lab.admin:reset({ cluster = "fleet", latency = 0 })
  site:parameters()
end)

local function contains(text, piece)
  assert.is_truthy(text:find(piece, 1, true), ("%q is not in:\n%s"):format(piece, text))
end

-- First words of the lines of a table, without its header; what follows an empty line is no table.
local function first_words(text)
  local words, body = {}, text:match("^[^\n]*\n(.*)") or ""
  for line in (body:match("^(.-)\n\n") or body):gmatch("[^\n]+") do
    words[#words + 1] = line:match("^%S+")
  end
  return words
end

describe("takeover gpu list", function()
  it("shows every device in a table", function()
    local code, out, err = site:run("gpu", "list")
    assert.are.equal(0, code, err)
    assert.are.equal(10, #first_words(out))
    contains(out, "gpu-c1          0x743a65930301  held   ms3   legacy  10de:1f08 GeForce RTX 2060")
    contains(out, "declared  purpose=training  box3  up")
    assert.are.equal("", err)
  end)

  it("prints the same as one JSON document", function()
    local document, code = site:json("gpu", "list")
    assert.are.equal(0, code)
    assert.are.equal(10, #document.devices)
    assert.are.equal(4, #document.nodes)
    assert.are.same({}, document.warnings)
    local card = fleet.device(document, fleet.A1)
    assert.are.same({ "train1", true, "ms1", "held" },
      { card.vm, card.vm_running, card.node, card.state })
    for _, device in ipairs(document.devices) do -- nothing of the inside
      for _, name in ipairs({ "fn", "among", "absent", "free" }) do
        assert.is_nil(device[name])
      end
    end
  end)

  it("filters by node, state, label, box and virtual machine", function()
    local function list(...)
      local code, out, err = site:run("gpu", "list", ...)
      assert.are.equal(0, code, err)
      return first_words(out)
    end
    assert.are.same({ "gpu-a1", "gpu-a3" }, list("--node", "MS1"))
    assert.are.same({ fleet.C2, "gpu-a2", fleet.A4, "gpu-b3", fleet.B4 }, list("--state", "free"))
    assert.are.same({ "gpu-c1", "gpu-a1", "gpu-a2" }, list("--label", "purpose=training"))
    assert.are.same({ "gpu-a2" }, list("--label", "purpose=training", "--state", "free"))
    assert.are.same({ "gpu-c1" }, list("--box", "box3"))
    assert.are.same({ "gpu-b1", "gpu-b2" }, list("--vm", "sim1"))
    assert.are.same({}, list("--box", "box9"))
  end)

  it("says why a device is in its state, where that is not plain", function()
    site.lab.admin:admin("device", { id = fleet.A4, group_id = 777 })
    site.lab.admin:admin("device", { id = fleet.A2, reachable = false })
    local _, out = site:run("gpu", "list")
    contains(out, fleet.A4 .. ": it is in group 777, which belongs to no node in parameters.lua")
    contains(out, "gpu-a2: ExpEther Manager does not hear of it")
  end)

  it("shows what is left of a GPU that is given in shares", function()
    site.lab.admin:admin("device", { id = fleet.A4, group_id = 350 })
    local _, out = site:run("gpu", "list", "--node", "ms4")
    local line = out:match("\n(" .. fleet.A4 .. " in shares[^\n]*)")
    assert.is_truthy(line, out)
    contains(line, "10de:1eb1 NVIDIA Quadro RTX 4000, 8 GiB of 8 GiB free, 0 of 4 shares in use")
    assert.is_nil(line:find("PCI#", 1, true))
  end)

  it("goes on without a node, and says so", function()
    site.lab.admin:power("ms2", "off")
    local code, out, err = site:run("gpu", "list", "--node", "ms2")
    assert.are.equal(0, code)
    contains(err, "warning: ms2 does not answer")
    contains(out, "gpu-b1: ms2 does not answer, so that nobody tells who uses it")
  end)

  it("tells by its exit code that ExpEther Manager does not answer", function()
    site.lab.admin:admin("eem", { up = false })
    local code, out, err = site:run("gpu", "list")
    assert.are.equal(exit_codes.unknown, code)
    assert.are.equal("", out)
    contains(err, "EEM_")
    local document, json_code = site:json("gpu", "list")
    assert.are.equal(exit_codes.unknown, json_code)
    assert.is_truthy(document.failure.code:find("^EEM_"))
  end)

  it("refuses a node that is not there, a label without a value, an unknown state", function()
    local code, _, err = site:run("gpu", "list", "--node", "ms9")
    assert.are.equal(exit_codes.configuration, code)
    contains(err, "there is no node ms9")
    code, _, err = site:run("gpu", "list", "--label", "purpose")
    assert.are.equal(exit_codes.usage, code)
    contains(err, "NAME=VALUE")
    code = site:run("gpu", "list", "--state", "lost")
    assert.are.equal(exit_codes.usage, code)
    code, _, err = site:run("gpu", "lost")
    assert.are.equal(exit_codes.usage, code)
    contains(err, "list")
  end)

  it("writes a page with the topology drawn", function()
    local file = site.directory .. "/gpus.html"
    local code, out, err = site:run("gpu", "list", "--html", file)
    assert.are.equal(0, code, err)
    assert.are.equal("wrote " .. file .. "\n", out)
    local page = require("fs").read(file)
    contains(page, '<svg class="topology"')
    contains(page, "10 devices (5 used, 5 free)")
    contains(page, "<td>ok</td>") -- heartbeat
    code = site:run("gpu", "list", "--html", file, "--box", "box1")
    assert.are.equal(0, code)
    contains(require("fs").read(file), "7 devices are left out by a filter.")
    code, out, err = site:run("gpu", "list", "--html", site.directory .. "/none/gpus.html")
    assert.are_not.equal(0, code)
    assert.are.equal("", out)
    contains(err, "none/gpus.html")
  end)

  it("has a help of its own, as every word below gpu and vm", function()
    for _, command in ipairs({ "gpu", "vm" }) do
      for _, entry in ipairs(require("cli.commands." .. command).subcommands) do
        local code, out = site:run(command, entry[1], "--help")
        assert.are.equal(0, code)
        contains(out, ("takeover %s %s"):format(command, entry[1]))
        contains(out, "Exit codes:")
        contains(out, "Example")
      end
    end
  end)
end)

describe("takeover gpu suggest", function()
  -- What it prints, put where it belongs.
  local function pasted(text)
    local entries = text:match("in parameters.lua\n(.*)$")
    return function(file)
      return (file:gsub("devices = {", function(head)
        return head .. entries
      end, 1))
    end
  end

  it("prints entries that parameters.lua takes as they are, for all that it does not describe",
    function()
      local code, out, err = site:run("gpu", "suggest")
      assert.are.equal(0, code, err)
      for _, id in ipairs({ fleet.A4, fleet.B4, fleet.C2 }) do
        contains(out, ('["%s"] = {'):format(id))
      end
      assert.is_nil(out:find(fleet.A1, 1, true))
      contains(out, 'vendor = "10de", device = "1eb1", -- as ExpEther Manager shows it')
      contains(out, "-- ExpEther Manager shows a bridge (10b5:8732), not the card behind it.")
      contains(out, "-- ExpEther Manager does not show what card is in a 10G slot.")
      contains(out, "known are box1, box2, box3")
      site:parameters(pasted(out))
      local document = site:json("gpu", "list")
      local card = fleet.device(document, fleet.A4)
      assert.are.same({ "declared", "10de", "1eb1" }, { card.identity, card.vendor, card.device })
      document = site:json("gpu", "suggest")
      assert.is_nil(fleet.find(document.devices, "id", fleet.A4))
      assert.is_truthy(fleet.find(document.devices, "id", fleet.B4)) -- not known, and still said
    end)

  it("names what the card may be, where a node shows one that no device accounts for", function()
    site.lab.admin:admin("device", { id = fleet.B4, group_id = 350 })
    local _, out = site:run("gpu", "suggest", fleet.B4)
    contains(out, "ms4 shows these, and no device accounts for them")
    local vendor, device, place = out:match(
      'vendor = "(%x+)", device = "(%x+)", locations = { ms4 = "([^"]+)" }, %-%- NVIDIA Tesla V100')
    assert.are.same({ "10de", "1db4" }, { vendor, device })
    site:parameters(pasted((out:gsub("%-%-   (vendor[^\n]*) %-%- NVIDIA[^\n]*", "%1"))))
    local card = fleet.device(site:json("gpu", "list"), fleet.B4)
    assert.are.same({ "declared", place }, { card.identity, card.location })
    local document = site:json("gpu", "suggest")
    assert.is_nil(fleet.find(document.devices, "id", fleet.B4))
  end)

  it("writes names that nobody has, and text that stays text", function()
    site:parameters(function(text)
      return (text:gsub('"gpu%-a1"', '"gpu1"'))
    end)
    local document = site:json("gpu", "suggest")
    assert.are.equal(3, #document.devices)
    local names = {}
    for _, one in ipairs(document.devices) do
      names[#names + 1] = one.entry.name
      assert.is_nil(select(2, load("return { " .. one.text .. " }")))
    end
    assert.are.same({ "gpu2", "gpu3", "gpu4" }, names)
  end)

  it("describes a server whose group belongs to no node", function()
    site:parameters(function(text)
      return (text:gsub("    ms4 = [^\n]*\n", ""):gsub('"ms3", "ms4"', '"ms3"'))
    end)
    local code, out = site:run("gpu", "suggest")
    assert.are.equal(0, code)
    contains(out, '["..."] = { group_id = 350, board = "0x8cdf9d912004" },')
  end)

  it("says that a device is known to nobody", function()
    local code, _, err = site:run("gpu", "suggest", "0x8cdf9d92ffff")
    assert.are.equal(exit_codes.no_device, code)
    contains(err, "neither ExpEther Manager nor parameters.lua knows the device 0x8cdf9d92ffff")
  end)
end)

describe("takeover vm list", function()
  it("shows where every virtual machine is and what it has", function()
    local code, out, err = site:run("vm", "list")
    assert.are.equal(0, code, err)
    assert.are.same({ "big", "desk1", "desk2", "legacy", "sim1", "train1" }, first_words(out))
    local line = out:match("\n(sim1[^\n]*)")
    assert.is_truthy(line:find("ms2 +running +ok .* gpu%-b1, gpu%-b2 +2 of .*Tesla V100$"), line)
  end)

  it("filters by node and state, and finds those that are degraded", function()
    site.lab.admin:reset({ cluster = "fleet", latency = 0, vms = {
      sim1 = { devices = { fleet.B1 }, registered = "ms2" },
    } })
    local _, out = site:run("vm", "list", "--node", "ms2", "--state", "running")
    assert.are.same({ "sim1" }, first_words(out))
    contains(out, "degraded")
    local document = site:json("vm", "list", "--degraded")
    assert.are.equal(1, #document.vms)
    assert.are.same({ "sim1", true, { fleet.B1 } }, { document.vms[1].key,
      document.vms[1].degraded, document.vms[1].devices })
  end)

  it("works without ExpEther Manager, from what the nodes say", function()
    site.lab.admin:admin("eem", { up = false })
    local code, out, err = site:run("vm", "list", "--state", "running")
    assert.are.equal(0, code)
    assert.are.same({ "desk1", "legacy", "sim1", "train1" }, first_words(out))
    contains(err, "ExpEther Manager cannot be asked")
  end)

  it("tells by its exit code that no node answers", function()
    for _, node in ipairs({ "ms1", "ms2", "ms3", "ms4" }) do
      site.lab.admin:power(node, "off")
    end
    local code, out = site:run("vm", "list")
    assert.are.equal(exit_codes.unknown, code)
    contains(out, "unknown")
  end)
end)

-- docs/inventory.md shows what its commands say; TAKEOVER_ACCEPT=1 in the environment writes that.
describe("docs/inventory.md", function()
  local fs = require("fs")

  -- Times differ from run to run, and the width of a column with them.
  local function essence(text)
    text = text:gsub("%f[%d][%d.]+ m?s%f[%A]", "N s"):gsub("[ ]+", " "):gsub(" \n", "\n")
    return (text:gsub("%s+$", ""))
  end

  it("shows what its commands say", function()
    local text, shown, says, count = fs.read("docs/inventory.md"), {}, {}, 0
    for command, lines in text:gmatch("```console\n%$ takeover ([^\n]*)\n(.-)```") do
      shown[command], count = lines, count + 1
    end
    for command, lines in pairs(shown) do
      local words = {}
      for word in command:gmatch("%S+") do
        words[#words + 1] = word
      end
      local code, out = site:run(table.unpack(words))
      assert.are.equal(0, code)
      says[command] = essence(out) == essence(lines) and lines or out:gsub("%s+$", "") .. "\n"
    end
    local now = text:gsub("```console\n%$ takeover ([^\n]*)\n(.-)```", function(command)
      return ("```console\n$ takeover %s\n%s```"):format(command, says[command])
    end)
    assert.are.equal(4, count)
    if os.getenv("TAKEOVER_ACCEPT") == "1" then
      fs.write("docs/inventory.md", now)
    else
      assert.are.equal(text, now)
    end
  end)
end)

describe("examples/fleet.lua", function()
  it("is a file of parameters without mistakes", function()
    local text = require("fs").read("examples/fleet.lua")
    local checked, mistakes = parameters.check(text, "fleet.lua")
    assert.are.same({}, mistakes)
    assert.is_table(checked)
  end)
end)

describe("takeover check", function()
  local function warned()
    local _, out = site:run("--node", "ms1", "check")
    local lines = {}
    for line in out:gmatch("[^\n]+") do
      lines[#lines + 1] = line:match("warn GPUs%s+(.*)")
    end
    return lines
  end

  it("warns of equal cards that no location tells apart, and of no others", function()
    local lines = warned()
    assert.are.equal("gpu-b1 (0x8cdf9d920201), gpu-b2 (0x8cdf9d920202) are all 10de:1db4, and "
      .. "nothing tells on ms1 which is which", lines[1])
    assert.are.equal(2, #lines)
    site:parameters(function(text)
      return (text:gsub('name = "gpu%-b1"', '%0, locations = { ms1 = "PCIROOT(21)#PCI(0000)" }'))
    end)
    assert.are.equal(1, #warned())
  end)
end)
