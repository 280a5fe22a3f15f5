local parameters = require("failover.parameters")
local lines = require("failover.parameters.lines")
local schema = require("failover.parameters.schema")

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local example = read("examples/parameters.lua")

-- The example with one piece of text replaced.
local function changed(from, to)
  local first, last = example:find(from, 1, true)
  assert(first, "the example has no " .. from)
  return example:sub(1, first - 1) .. to .. example:sub(last + 1)
end

local function mistakes_of(text)
  local value, mistakes = parameters.check(text, "p.lua")
  local texts = {}
  for i, mistake in ipairs(mistakes) do
    texts[i] = mistake.text
  end
  return texts, value
end

local function line_of(text, piece)
  local at = assert(text:find(piece, 1, true))
  local _, count = text:sub(1, at):gsub("\n", "")
  return count + 1
end

-- Exactly one mistake: it has this text after file and line, and the line of `piece`.
local function one_mistake(text, piece, message)
  local texts, value = mistakes_of(text)
  assert.is_nil(value)
  assert.are.same({ ("p.lua:%d: %s"):format(line_of(text, piece), message) }, texts)
end

describe("parameters.lua", function()
  it("of the examples is accepted and brought into one form", function()
    local texts, value = mistakes_of(example)
    assert.are.same({}, texts)
    local vm = value.vms.vme2
    assert.are.equal([[G:\Hyper-V\vme2]], vm.path)
    assert.are.equal("33280MiB", vm.mmio.high)
    assert.are.equal("vme2", vm.name)
    assert.are.equal(true, vm.heartbeat)
    assert.are.equal(1800, vm.start_timeout)
    assert.are.equal("broken", vm.monitor.when_unknown)
    assert.are.equal("192.168.0.130", value.nodes.ms1.wmi.host)
    assert.are.equal("takeover@EXAMPLE.COM", value.nodes.ms2.wmi.user)
    assert.are.same({ secret = "eem" }, value.eem.password)
  end)

  it("may be saved with CRLF, a byte order mark and Japanese names", function()
    local text = changed("vme2 = {", '["計算 ノード #1 (GPU)"] = {')
    text = "\xef\xbb\xbf" .. text:gsub("\n", "\r\n")
    local texts, value = mistakes_of(text)
    assert.are.same({}, texts)
    assert.are.equal("計算 ノード #1 (GPU)", value.vms["計算 ノード #1 (GPU)"].name)
  end)

  it("spells ids and sizes in one way", function()
    local text = changed('["0x8cdf9d911c60"]', '["0X8CDF9D911C60"]')
    text = text:gsub("33280MiB", "32768MiB")
      :gsub("path = ", 'id = "{1d9c7f2a-3b4e-4c5d-8e6f-0a1b2c3d4e5f}", path = ')
    local texts, value = mistakes_of(text)
    assert.are.same({}, texts)
    assert.is_table(value.devices["0x8cdf9d911c60"])
    assert.are.equal("32GiB", value.vms.vme2.mmio.high)
    assert.are.equal("1D9C7F2A-3B4E-4C5D-8E6F-0A1B2C3D4E5F", value.vms.vme2.id)
  end)

  it("names file, line, key and the nearest known key for a misspelt one", function()
    one_mistake(changed("group_id = 150", "grup_id = 150"), "grup_id",
      'nodes.ms2.grup_id: there is no such key; did you mean "group_id"?')
    one_mistake(changed("mmio = {", "mimo = {"), "mimo",
      'vms.vme2.mimo: there is no such key; did you mean "mmio"?')
    one_mistake(changed("devices = {", "device = {"), "device = {",
      'device: there is no such key; did you mean "devices"?')
  end)

  it("tells every mistake, in the order of the lines", function()
    local text = changed("group_id = 50", "group_id = 5")
      :gsub("33280MiB", "33280M"):gsub("url =", "ulr =")
    local texts = mistakes_of(text)
    assert.are.equal(3, #texts)
    assert.is_truthy(texts[1]:find('eem.ulr: there is no such key; did you mean "url"?', 1, true))
    assert.is_truthy(texts[2]:find("nodes.ms1.group_id: must be between 16 and 4092, is 5", 1,
      true))
    assert.is_truthy(texts[3]:find('vms.vme2.mmio.high: must be a number with the unit', 1, true))
    assert.is_truthy(texts[3]:find('did you mean "33280MiB"?', 1, true))
  end)

  it("refuses a password in plain text without repeating it", function()
    local text = changed('secret "eem"', '"hunter2"')
    local texts, value = mistakes_of(text)
    assert.is_nil(value)
    assert.are.equal(1, #texts)
    assert.is_truthy(texts[1]:find("eem.password: a password does not stand here", 1, true))
    assert.is_nil(texts[1]:find("hunter2", 1, true))
  end)

  it("wants a login for EEM or the word that there is none", function()
    one_mistake(changed(', user = "admin", password = secret "eem"', ""), "eem =",
      'eem: user and password are missing; where EEM asks for none, write auth = "none"')
    assert.are.same({},
      (mistakes_of(changed(', user = "admin", password = secret "eem"', ', auth = "none"'))))
    one_mistake(changed(', password = secret "eem"', ""), "eem =",
      'eem: the key password is missing; write password = secret "eem"')
  end)

  it("refuses Basic over plain http to another computer, with the line of the address", function()
    local function of(rest)
      return ([[return {
  eem = { url = "http://127.0.0.1:1/eem", auth = "none" },
  wmi = { user = "a", password = secret "w", auth = "basic"%s },
  nodes = { ms1 = { group_id = 50, wmi = { url = "%s" } } },
  vms = { v = { path = [=[G:\v]=], gpus = { { id = "0x8cdf9d911c60" } } } },
}]]):format(rest[2] or "", rest[1])
    end
    local texts = mistakes_of(of({ "http://ms1:5985/wsman" }))
    assert.are.equal(1, #texts)
    assert.matches("p.lua:4: nodes.ms1.wmi.url: auth = \"basic\" would send the password in clear",
      texts[1], 1, true)
    for _, fine in ipairs({
      { "http://127.0.0.1:5985/wsman" }, { "http://localhost:5985/wsman" },
      { "http://[::1]:5985/wsman" }, { "https://ms1:5986/wsman" },
      { "http://ms1:5985/wsman", ", allow_unencrypted = true" },
    }) do
      assert.are.same({}, (mistakes_of(of(fine))), fine[1])
    end
  end)

  it("refuses two nodes with one group id", function()
    one_mistake(changed("group_id = 150", "group_id = 50"), "ms2 =",
      "nodes.ms2.group_id: node ms1 has this group id already; each node needs its own")
  end)

  it("refuses a device that stands twice under different spellings", function()
    local twice = '["0X8CDF9D911C60"] = { name = "other" },\n    ["0x8cdf9d911c60"]'
    local texts = mistakes_of(changed('["0x8cdf9d911c60"]', twice))
    assert.are.equal(1, #texts)
    assert.is_truthy(texts[1]:find("stands here twice", 1, true))
  end)

  it("refuses one device for two virtual machines, and one path", function()
    local other = "vms = {\n    other = { path = [[G:/Hyper-V/VME2/]],"
      .. " gpus = { { id = '0x8CDF9D911C60' } } },"
    local text = changed("vms = {", other)
    local texts = mistakes_of(text)
    assert.are.equal(2, #texts)
    assert.is_truthy(texts[1]:find(
      "vms.vme2.path: virtual machine other has this path already", 1, true))
    assert.is_truthy(texts[2]:find(
      "vms.vme2.gpus[1].id: virtual machine other asks for this device already", 1, true))
  end)

  it("refuses a key that stands twice in one table, which Lua would not mention", function()
    one_mistake(changed("group_id = 50,", "group_id = 40, group_id = 50,"), "ms1 =",
      "nodes.ms1.group_id: stands here twice; only the last one would count")
  end)

  it("describes what each value must be", function()
    local cases = {
      { "gpus = { { id = \"0x8cdf9d911c60\" } }", "gpus = { { id = \"0x8cdf9d911c6\" } }",
        "vms.vme2.gpus[1].id: must be an EEM device id as in \"0x8cdf9d911c60\""
          .. " (0x and twelve hexadecimal digits)" },
      { "gpus = { { id = \"0x8cdf9d911c60\" } }", "gpus = {}", "vms.vme2.gpus: must not be empty" },
      { "gpus = { { id = \"0x8cdf9d911c60\" } }", "gpus = { { labels = {} } }",
        "vms.vme2.gpus[1]: needs id, or what the device must be: vendor and device, class, labels,"
          .. " model or min_memory" },
      { "group_id = 50", "group_id = \"50\"",
        "nodes.ms1.group_id: must be a whole number, is text; write it without quotes" },
      { "path = [[G:\\Hyper-V\\vme2]]", "path = \"G:\\new\"",
        "vms.vme2.path: has a control character; write paths as [[G:\\new]]" },
      { "path = [[G:\\Hyper-V\\vme2]]", "path = [[vme2]]",
        "vms.vme2.path: must be a whole path as in [[G:\\Hyper-V\\vme2]]" },
      { "path = [[G:\\Hyper-V\\vme2]]", "path = \"\"", "vms.vme2.path: must not be empty" },
      { "vendor = \"10de\"", "vendor = \"nvidia\"",
        "devices[\"0x8cdf9d911c60\"].vendor: must be four hexadecimal digits as in \"10de\"" },
      { "low = \"3GiB\"", "low = 3",
        "vms.vme2.mmio.low: must be text with a unit, as in \"3GiB\" or \"33280MiB\"" },
      { "group = \"Failover-vme2\"", "start_timeout = 20",
        "vms.vme2.start_timeout: must be longer than the margin, which is 30 s" },
      { "group = \"Failover-vme2\"", "missing_switch = \"refus\"",
        "vms.vme2.missing_switch: must be one of refuse, disconnect; did you mean \"refuse\"?" },
      { "vms = {", "quarantine = { first = 700, most = 600 }, vms = {",
        "quarantine.most: must not be shorter than first, which is 700 s" },
      { "vms = {", "quarantine = { first = -1 }, vms = {",
        "quarantine.first: must be between 0 and 86400 seconds, is -1" },
      { "http://192.168.0.150:30500/eem", "192.168.0.150",
        "eem.url: must be an address as in \"http://192.168.0.150:30500/eem\"" },
    }
    for _, case in ipairs(cases) do
      local texts = mistakes_of(changed(case[1], case[2]))
      assert.are.equal(1, #texts, table.concat(texts, "\n") .. " for " .. case[2])
      assert.are.equal(case[3], (texts[1]:gsub("^p.lua:%d+: ", "")))
    end
  end)

  it("with a syntax error names the line", function()
    one_mistake(changed("group_id = 50,", "group_id = = 50,"), "ms1 =",
      "unexpected symbol near '='")
  end)

  it("may not call anything of the system", function()
    local texts = mistakes_of("local x = 1\nos.execute('true')\nreturn {}")
    assert.are.same({ 'p.lua:2: there is no os here; use plain values and secret "name"' },
      texts)
    texts = mistakes_of("return setmetatable({}, {})")
    assert.is_truthy(texts[1]:find("there is no setmetatable here", 1, true))
  end)

  it("that does not come to an end is stopped", function()
    local texts = mistakes_of("local n = 0\nwhile true do n = n + 1 end\nreturn {}")
    assert.are.same({ "p.lua:2: the file does not come to an end" }, texts)
  end)

  it("must return a table", function()
    assert.are.same({ "p.lua:1: must return a table, returns nothing" },
      (mistakes_of("local x = 1")))
    assert.are.same({ "p.lua:1: must return a table, returns text" },
      (mistakes_of("return 'x'")))
  end)

  it("is not bytecode", function()
    local texts = mistakes_of(string.dump(function()
      return {}
    end))
    assert.is_truthy(texts[1]:find("binary", 1, true))
  end)

  it("shares no default between two virtual machines", function()
    local other = "vms = {\n    other = { path = [[G:\\other]],"
      .. " gpus = { { vendor = '10de', device = '1f08' } } },"
    local texts, value = mistakes_of(changed("vms = {", other))
    assert.are.same({}, texts)
    assert.are_not.equal(value.vms.other.monitor, value.vms.vme2.monitor)
  end)
end)

describe("lines of a table", function()
  it("are found through comments, long texts, functions and locals", function()
    local root = lines.read(table.concat({
      "--[[ { a = 1 }", "]]", -- 1, 2
      "local shared = {", "  deep = 1,", "}", -- 3..5
      "return {", -- 6
      '  text = [==[ , } ',
      "  ]==],", -- 8
      "  f = function() local a, b = 1, { 2 } return a, b end,", -- 9
      '  ["a key"] = { x = "}", y = -- ,', -- 10
      "    2, },",
      "  one, two; shared,",
      "  s = shared,", -- 13
      "  last = 1", -- 14
      "}",
    }, "\n"))
    assert.are.equal(14, lines.find(root, { "last" }))
    assert.are.equal(9, lines.find(root, { "f" }))
    assert.are.equal(10, lines.find(root, { "a key", "y" }))
    assert.are.equal(4, lines.find(root, { "s", "deep" }))
    assert.are.equal(12, lines.find(root, { 2 }))
    assert.are.equal(13, lines.find(root, { "s", "none", "deeper" }))
  end)

  it("are looked for in any text without an error", function()
    local text = "local a = { return { [ ( \"x\\z\n '"
    for i = 1, #text do
      lines.read(text:sub(1, i))
      lines.read(text:sub(i))
    end
    assert.are.equal(1, lines.find(lines.read(""), { "a" }))
  end)
end)

describe("the nearest word", function()
  it("counts a swap of neighbours as one edit", function()
    assert.are.equal(1, schema.distance("ulr", "url"))
    assert.are.equal("group_id", schema.nearest("gorup_id", { "group_id", "board" }))
    assert.is_nil(schema.nearest("entirely", { "group_id", "board" }))
  end)
end)

describe("a parameters file on disk", function()
  local fs, failure = require("fs"), require("failure")
  local directory

  before_each(function()
    directory = os.tmpname()
    os.remove(directory)
    fs.make_directory(directory)
  end)

  after_each(function()
    fs.remove(directory .. "/parameters.lua")
    fs.remove(directory)
  end)

  it("that others may change is refused before it runs", function()
    local path = directory .. "/parameters.lua"
    fs.write(path, "return nonsense", { mode = "0666" })
    local ok, failed = pcall(parameters.load, path)
    assert.is_false(ok)
    assert.is_true(failure.is(failed))
    assert.are.equal("FS_UNSAFE", failed.code)
    ok, failed = pcall(parameters.load, path, { trust_writable_files = true })
    assert.is_false(ok)
    assert.are.equal("CONFIG", failed.code)
  end)

  it("raises CONFIG with all mistakes", function()
    local path = directory .. "/parameters.lua"
    fs.write(path, "return { nods = {} }")
    local ok, failed = pcall(parameters.load, path)
    assert.is_false(ok)
    assert.are.equal("CONFIG", failed.code)
    assert.is_true(#failed.details.mistakes >= 3)
    assert.is_truthy(tostring(failed):find(
      path .. ":1: nods: there is no such key; did you mean", 1, true))
  end)
end)
