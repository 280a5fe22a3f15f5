-- README's commands are run, in their order, on a simulated site, and say what README shows:
-- every line of it, numbers aside. Steps of two branches may end in another order.
--
-- With TAKEOVER_ACCEPT=1 in the environment the outputs are written into README instead, to be
-- looked at with git diff.
local folder = require("cli.folder")
local fs = require("fs")
local process = require("process")
local support = require("support.lab")

local PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target

local PARAMETERS = [[
return {
  eem = { url = "%s", user = "admin", password = secret "eem" },
  wmi = { user = "admin", password = secret "wmi", auth = "basic" },
  nodes = {
    ms1 = { group_id = 50, wmi = { url = "%s" } },
    ms2 = { group_id = 150, wmi = { url = "%s" } },
  },
  devices = { ["0x8cdf9d911c60"] = { name = "gpu1", vendor = "10de", device = "1f08" } },
  vms = {
    vme2 = {
      path = [=[G:\Hyper-V\vme2]=], gpus = { { id = "0x8cdf9d911c60" } },
      mmio = { low = "3GiB", high = "33280MiB" },
    },
  },
}
]]

-- Long enough for each wait to be one, so that a step is "done" where README says so.
local LATENCY = {
  link = 0.06, unlink = 0.06, enumerate = 0.5, dismount = 0.02, mount = 0.02, list_lag = 0.02,
  assign = 0.02, remove = 0.02, modify = 0.02, import = 0.02, validate = 0.02, realize = 0.02,
  destroy = 0.02, export = 0.02, start = 0.02, turn_off = 0.02, boot = 0.1, shutdown = 0.05,
}

-- { command, lines shown } for each "$ " line of the console blocks.
local function commands(text)
  local list, block, current = {}, nil, nil
  for line in text:gmatch("([^\n]*)\n") do
    local indent, language = line:match("^(%s*)```(%l*)")
    if indent and not block then
      block = language == "console" and indent or "text"
    elseif indent then
      block = nil
    elseif block and block ~= "text" then
      line = line:sub(#block + 1)
      local command = line:match("^%$ (.*)$")
      if command then
        current = { command = command, shown = {}, indent = block }
        list[#list + 1] = current
      else
        current.shown[#current.shown + 1] = line
      end
    end
  end
  return list
end

local function words(command)
  local list = {}
  for word in command:gmatch("%S+") do
    list[#list + 1] = word
  end
  return list
end

-- Lines without what differs from run to run, sorted. GUIDs and device ids stay.
local function essence(lines)
  local list = {}
  for i, line in ipairs(lines) do
    line = line:gsub("%f[%d][%d.]+ m?s%f[%A]", "N s"):gsub("%s+", " ")
    list[i] = line:gsub(" $", "")
  end
  table.sort(list)
  return table.concat(list, "\n")
end

local function lines_of(text)
  local list = {}
  for line in text:gmatch("([^\n]*)\n") do
    list[#list + 1] = line
  end
  return list
end

describe("README", function()
  local readme = commands(fs.read("README.md"))
  local directory, lab

  after_each(function()
    if lab then
      lab:stop()
      folder.remove(directory)
    end
  end)

  local function take(command)
    local options = words(command)
    assert.are.equal("takeover", options[1])
    options[1] = PROGRAM
    options.directory, options.timeout = directory, 60
    options.env = {
      TAKEOVER_STATE = "state", TAKEOVER_PARAMETERS = false, TAKEOVER_NODE = false,
      TAKEOVER_SECRET_EEM = false, TAKEOVER_SECRET_WMI = false, CLP_EVENT = false,
      CLP_DISK = false,
    }
    return process.run(options)
  end

  -- Puts an output in the place of the one that README shows.
  local function accept(entry, output)
    local function block(lines)
      local indented = {}
      for i, line in ipairs(lines) do
        indented[i] = (entry.indent .. line):gsub("%s+$", "") .. "\n"
      end
      return entry.indent .. "$ " .. entry.command .. "\n" .. table.concat(indented)
    end
    local text = fs.read("README.md")
    local first, last = text:find(block(entry.shown), 1, true)
    fs.write("README.md", text:sub(1, first - 1) .. block(output) .. text:sub(last + 1))
  end

  it("shows what its commands say", function()
    lab = support.start({
      process = true, latency = LATENCY, user = "admin", password = "site-password",
    })
    directory = folder.temporary()
    fs.make_directory(directory .. "/state/secrets")
    for _, name in ipairs({ "eem", "wmi" }) do
      fs.write(directory .. "/state/secrets/" .. name, "site-password\n", { mode = "0600" })
    end
    fs.write(directory .. "/parameters.lua", PARAMETERS:format(lab.eem_url, lab.nodes.ms1.url,
      lab.nodes.ms2.url))
    local ran = 0
    for _, entry in ipairs(readme) do
      if entry.command:find("^takeover ") then
        ran = ran + 1
        local result = take(entry.command)
        assert.are.equal(0, result.code, entry.command .. ": " .. result.stdout .. result.stderr)
        if #entry.shown > 0 and os.getenv("TAKEOVER_ACCEPT") then
          accept(entry, lines_of(result.stdout))
        elseif #entry.shown > 0 then
          assert.are.equal(essence(entry.shown), essence(lines_of(result.stdout)), entry.command)
        end
      end
    end
    assert.is_true(ran >= 8)
  end)

  it("names two commands of bootstrap, of which the first shows README's table", function()
    local names = {}
    for _, entry in ipairs(readme) do
      names[#names + 1] = entry.command:match("^%./bootstrap %l+$")
    end
    assert.are.same({ "./bootstrap demo", "./bootstrap test" }, names)
    if not PROGRAM:find("/build/dev/takeover$") then
      return -- bootstrap would build another program than the one that is tested
    end
    local result = process.run({ "./bootstrap", "demo", "--speed", "6", timeout = 100 })
    assert.are.equal(0, result.code, result.stdout .. result.stderr)
    local told = {}
    for _, line in ipairs(lines_of(result.stdout)) do
      told[essence({ line })] = true
    end
    local shown = fs.read("README.md"):match("```text\n(    what happened.-)```")
    for _, line in ipairs(lines_of(shown)) do
      assert.is_truthy(told[essence({ line })], line)
    end
  end)
end)
