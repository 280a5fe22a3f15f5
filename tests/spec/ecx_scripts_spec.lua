-- takeover ecx scripts: the batch files, by their content.
local batch = require("cli.batch")
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local loop = require("loop")
local process = require("process")

local PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target
local FILES = { "genw.bat", "preaction.bat", "start.bat", "stop.bat" }

local PARAMETERS = [[
return {
  eem = { url = "http://127.0.0.1:1/eem", auth = "none" },
  nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 } },
  vms = {
    vme2 = { path = [=[G:\vme2]=], group = "Failover-vme2", gpus = { { id = "0x8cdf9d911c60" } },
      start_timeout = 900 },
    ["50%% & 計算"] = { path = [=[G:\other]=], group = "計算グループ",
      gpus = { { id = "0x8cdf9d911c61" } } },
    twin1 = { path = [=[G:\t1]=], group = "twins", gpus = { { id = "0x8cdf9d911c62" } } },
    twin2 = { path = [=[G:\t2]=], group = "twins", gpus = { { id = "0x8cdf9d911c63" } },
      shutdown_timeout = 1790, boot_timeout = 1780 },
  },
}
]]

local directory

before_each(function()
  directory = folder.temporary()
  fs.write(directory .. "/parameters.lua", (PARAMETERS:gsub("%%%%", "%%")))
end)

after_each(function()
  folder.remove(directory)
end)

local function takeover(arguments, env)
  local options = {
    PROGRAM, "ecx", "scripts", timeout = 20, directory = directory,
    env = { TAKEOVER_PARAMETERS = false, TAKEOVER_CODE_PAGE = false, CLP_EVENT = false },
  }
  for key, value in pairs(env or {}) do
    options.env[key] = value
  end
  table.move(arguments, 1, #arguments, #options + 1, options)
  local result = process.run(options)
  return result.code, result.stdout, result.stderr
end

local function scripts(group, ...)
  return takeover({ "--group", group, "--resource", "script-vme2", "--out", "out", ... })
end

local function contains(text, piece)
  assert.is_truthy(text:find(piece, 1, true), ("%q is not in:\n%s"):format(piece, text))
end

describe("takeover ecx scripts", function()
  it("writes the shipped examples when nothing else is said", function()
    local result = process.run({
      PROGRAM, "-p", "examples/parameters.lua", "--trust-writable-files", "ecx", "scripts",
      "--group", "Failover-vme2", "--resource", "script-vme2", "--out", directory .. "/out",
      timeout = 20, env = { TAKEOVER_CODE_PAGE = false },
    })
    assert.are.equal(0, result.code, result.stderr)
    local names = fs.list(directory .. "/out")
    table.sort(names)
    assert.are.same(FILES, names)
    for _, name in ipairs(FILES) do
      assert.are.equal(fs.read("examples/ecx/" .. name), fs.read(directory .. "/out/" .. name))
    end
  end)

  it("ends every line with CR LF, and hands the exit code on", function()
    assert.are.equal(0, (scripts("Failover-vme2")))
    for _, name in ipairs(FILES) do
      local text = fs.read(directory .. "/out/" .. name)
      assert.is_nil(text:gsub("\r\n", ""):find("[\r\n]"))
      assert.matches("^@echo off\r\n", text)
      assert.matches(name == "preaction.bat" and "\r\nexit 0\r\n$"
        or "\r\nexit %%ERRORLEVEL%%\r\n$", text)
    end
  end)

  it("quotes what is not plain, doubles percents, switches to UTF-8 for other letters", function()
    local code = scripts("計算グループ", "--installed", [[D:\Übernahme 100%\]],
      "--server-parameters", [[G:\計算\parameters.lua]])
    assert.are.equal(0, code)
    local text = fs.read(directory .. "/out/start.bat")
    assert.matches("^@echo off\r\nchcp 65001 >nul\r\nrem ", text)
    contains(text, [["D:\Übernahme 100%%\takeover.exe" --parameters "G:\計算\parameters.lua"]]
      .. [[ start "50%% & 計算"]] .. "\r\n")
  end)

  it("writes another code page when it is asked for, or says what that does not have", function()
    assert.are.equal(0, (scripts("計算グループ", "--code-page", "932")))
    local text = fs.read(directory .. "/out/start.bat")
    assert.is_nil(text:find("chcp", 1, true))
    contains(text, [[start "50%% & ]] .. "\x8cv\x8eZ\"\r\n")
    local code, _, err = scripts("計算グループ", "--code-page", "437", "--force")
    assert.are.equal(exit_codes.usage, code)
    contains(err, "437 does not have every character")
    assert.are.equal(text, fs.read(directory .. "/out/start.bat"))
  end)

  it("leaves equal files alone and refuses to overwrite others", function()
    scripts("Failover-vme2")
    local _, out = scripts("Failover-vme2")
    assert.are.equal(4, select(2, out:gsub("already out/", "")))
    fs.write(directory .. "/out/stop.bat", "rem mine\r\n")
    fs.remove(directory .. "/out/start.bat")
    local code, _, err = scripts("Failover-vme2")
    assert.are.equal(exit_codes.usage, code)
    contains(err, "out/stop.bat has other content; nothing was written")
    assert.is_nil(fs.find(directory .. "/out/start.bat"))
    assert.are.equal(0, (scripts("Failover-vme2", "--force")))
    contains(fs.read(directory .. "/out/stop.bat"), "stop vme2")
  end)

  it("lays them out as clpcfctrl takes them, for --tree", function()
    assert.are.equal(0, (scripts("Failover-vme2", "--tree", "--monitor", "genw1")))
    for _, path in ipairs({
      "Failover-vme2/script-vme2/start.bat", "Failover-vme2/script-vme2/stop.bat",
      "monitor.s/genw1/genw.bat", "monitor.s/genw1/preaction.bat",
    }) do
      assert.is_truthy(fs.find(directory .. "/out/scripts/" .. path), path)
    end
    for _, name in ipairs({ "../up", "a/b", "" }) do
      assert.are.equal(exit_codes.usage,
        (takeover({ "--group", "Failover-vme2", "--resource", name, "--out", "out2" })))
    end
    assert.is_nil(fs.find(directory .. "/out2"))
  end)

  it("finds the virtual machine by its group, and tells the nearest name", function()
    local function refused(piece, ...)
      local code, _, err = scripts(...)
      assert.are.equal(exit_codes.configuration, code)
      contains(err, piece)
      assert.is_nil(fs.find(directory .. "/out"))
    end
    refused('has the group Failover-vme3; did you mean "Failover-vme2"?', "Failover-vme3")
    refused("twin1 and twin2 are of the group twins: say which one by --vm", "twins")
    refused('there is no virtual machine vme3 in', "Failover-vme2", "--vm", "vme3")
    refused("vme2 belongs to the group Failover-vme2", "twins", "--vm", "vme2")
    assert.are.equal(0, (scripts("twins", "--vm", "twin1")))
    contains(fs.read(directory .. "/out/genw.bat"), "monitor twin1\r\n")
  end)

  it("warns of times that do not fit", function()
    local _, out, err = scripts("Failover-vme2", "--start-timeout", "600", "--stop-timeout",
      "3600", "--monitor-timeout", "60")
    contains(err, "kills the start script after 600 s, but start_timeout in the parameters is 900")
    contains(err, "may take 3600 s, but stop_timeout in the parameters is 1800")
    contains(err, "genw.bat may look for 60 s")
    assert.matches("start timeout +600 s", out)
    _, out, err = scripts("twins", "--vm", "twin2", "--force")
    contains(err, "boot_timeout (1780 s) does not fit")
    contains(err, "shutdown_timeout (1790 s) does not fit")
    assert.matches("start timeout +1800 s", out)
    _, out, err = scripts("Failover-vme2", "--force", "--json")
    assert.are.equal("", err)
    assert.are.same({}, json.decode(out).warnings)
    assert.are.equal("written", json.decode(out).files[1].state)
  end)
end)

describe("a batch file's argument", function()
  it("is quoted for cmd.exe and for the program", function()
    assert.are.equal("vme2", batch.quote("vme2"))
    assert.are.equal('"a b"', batch.quote("a b"))
    assert.are.equal('"a&b^c|d"', batch.quote("a&b^c|d"))
    assert.are.equal('"100%%"', batch.quote("100%"))
    assert.are.equal('"a b\\\\"', batch.quote("a b\\"))
    assert.are.equal('""', batch.quote(""))
    assert.are.equal('"C:\\x\\\\"', batch.quote_path("C:\\x\\"))
    for _, text in ipairs({ 'a"b', "a\nb" }) do
      local ok, failed = loop.guard(batch.quote, text)
      assert.is_false(ok)
      assert.matches("cannot stand in a batch file", failed.message)
    end
  end)
end)
