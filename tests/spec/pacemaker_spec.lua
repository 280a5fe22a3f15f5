-- takeover pacemaker: the printed configuration by its content, and what the agent's validate asks.
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local process = require("process")
local xml = require("xml")

local PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target

local PARAMETERS = [[
return {
  eem = { url = "http://127.0.0.1:1/eem", auth = "none" },
  nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 }, ms3 = { group_id = 250 } },
  vms = {
    vme2 = { path = [=[G:\vme2]=], gpus = { { id = "0x8cdf9d911c60" } }, start_timeout = 900,
      nodes = { "ms1", "ms2" } },
    ["計 'a' & <b>"] = { path = [=[G:\other]=], gpus = { { id = "0x8cdf9d911c61" } } },
  },
}
]]

local directory

before_each(function()
  directory = folder.temporary()
  fs.write(directory .. "/parameters.lua", PARAMETERS)
end)

after_each(function()
  folder.remove(directory)
end)

local function run(...)
  return process.run({
    PROGRAM, "--parameters", directory .. "/parameters.lua", "--state", directory .. "/state",
    "--node", "ms1", "pacemaker", timeout = 20, ...,
  })
end

-- Elements of a name anywhere below, with their attributes.
local function all(element, name, list)
  list = list or {}
  for _, child in ipairs(element) do
    if child.name == name then
      list[#list + 1] = child
    end
    all(child, name, list)
  end
  return list
end

local function find(list, key, value)
  for _, element in ipairs(list) do
    if element.attributes[key] == value then
      return element
    end
  end
end

describe("takeover pacemaker config", function()
  it("prints XML with the times of the parameters, fencing on, and a machine's nodes", function()
    local result = run("config", "vme2", "--format", "xml", "--disk", "disk-g",
      "--server-parameters", "/etc/p.lua")
    assert.are.equal(0, result.code, result.stderr)
    local document = xml.parse(result.stdout)
    local values = all(document, "nvpair")
    assert.are.equal("true", find(values, "name", "stonith-enabled").attributes.value)
    assert.are.equal("vme2", find(values, "name", "vm").attributes.value)
    assert.are.equal("/etc/p.lua", find(values, "name", "parameters").attributes.value)
    local operations = all(document, "op")
    assert.are.equal("900s", find(operations, "name", "start").attributes.timeout)
    assert.are.equal("1800s", find(operations, "name", "stop").attributes.timeout)
    local never = find(all(document, "rsc_location"), "node", "ms3")
    assert.are.equal("-INFINITY", never.attributes.score)
    assert.is_nil(find(all(document, "rsc_location"), "node", "ms1"))
    assert.are.equal("disk-g", all(document, "rsc_colocation")[1].attributes["with-rsc"])
    assert.are.equal("takeover-vme2", all(document, "expression")[1].attributes.attribute)
  end)

  it("has one resource for each machine, with ids that XML takes, whatever their names", function()
    local result = run("config", "--format", "xml")
    assert.are.equal(0, result.code, result.stderr)
    local ids, machines = {}, {}
    for _, name in ipairs({ "primitive", "nvpair", "op", "rsc_location", "rule", "expression" }) do
      for _, element in ipairs(all(xml.parse(result.stdout), name)) do
        local id = element.attributes.id
        assert.is_truthy(id:find("^[%a][%w_.-]*$"), id)
        assert.is_nil(ids[id], id)
        ids[id] = true
      end
    end
    for _, element in ipairs(all(xml.parse(result.stdout), "nvpair")) do
      if element.attributes.name == "vm" then
        machines[element.attributes.value] = true
      end
    end
    assert.are.same({ ["vme2"] = true, ["計 'a' & <b>"] = true }, machines)
  end)

  it("prints commands of pcs that a shell reads as they are meant", function()
    local result = run("config")
    assert.are.equal(0, result.code, result.stderr)
    local shell = process.run({ "sh", "-c", [[pcs() { for w; do printf '<%s>' "$w"; done; echo; }
]] .. result.stdout, timeout = 10 })
    assert.are.equal(0, shell.code, shell.stderr)
    assert.is_truthy(shell.stdout:find("<vm=計 'a' & <b>>", 1, true), shell.stdout)
    assert.is_truthy(shell.stdout:find("<property><set><stonith-enabled=true>", 1, true))
  end)

  it("refuses --disk for several machines, and a machine that is not there", function()
    assert.are.equal(exit_codes.usage, run("config", "--disk", "disk-g").code)
    local result = run("config", "vme3")
    assert.are.equal(exit_codes.configuration, result.code)
    assert.is_truthy(result.stderr:find("vme2", 1, true), result.stderr)
  end)
end)

describe("takeover pacemaker validate", function()
  it("knows a machine of the parameters, and asks nobody", function()
    assert.are.equal(0, run("validate", "vme2").code)
    assert.are.equal(exit_codes.configuration, run("validate", "vme9").code)
  end)
end)
