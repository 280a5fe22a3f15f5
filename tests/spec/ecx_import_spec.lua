-- takeover ecx import: a draft of parameters.lua from a batch file's variables.
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local parameters = require("failover.parameters")
local process = require("process")
local reader = require("cli.batch_reader")

local PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target

local BATCH = table.concat({
  "@echo off", "rem set VM=not this one", ":: set VM=nor this", "SET vm=vme2",
  "set ID={7a0e5f2c-3b61-4c1d-9e57-5d2b8c6f1a42}", "set DRIVE=G:",
  'set "SourcePath=%Drive%\\Hyper-V\\%VM%\\Virtual Machines\\"', "set DestPath=%SourcePath%bak",
  "set GROUP=Failover-vme2", "set node1=192.168.0.130", "set node2=192.168.0.200", "set gid1=50",
  "set gid2=150", "set id0=0x8CDF9D911C60", "set EEM_IP=192.168.0.150", "set EEM_USER=admin",
  "set EEM_PASSWORD=Top-Secret-4711", "set OPTIONS=-u admin -p %EEM_PASSWORD%",
  'set ODD=]] .. os.exit(7) .. [["', "set /a COUNT=60",
}, "\r\n") .. "\r\n"

local directory

before_each(function()
  directory = folder.temporary()
end)

after_each(function()
  folder.remove(directory)
end)

local function import(text, ...)
  fs.write(directory .. "/parameters.bat", text)
  local options = {
    PROGRAM, "ecx", "import", directory .. "/parameters.bat", timeout = 20,
    env = { TAKEOVER_CODE_PAGE = false },
  }
  table.move({ ... }, 1, select("#", ...), #options + 1, options)
  local result = process.run(options)
  return result.code, result.stdout, result.stderr
end

describe("a batch file's variables", function()
  it("are read as cmd.exe sets them", function()
    local list = reader.variables(
      'set A=1\n  @SET  "B= %a%%a% "\r\nset b=%B%x\nset C="q"\nset D=50%% %none%\nset /p X=?\necho')
    assert.are.same({
      { name = "A", value = "1", line = 1 }, { name = "b", value = "11x", line = 3 },
      { name = "C", value = "q", line = 4 }, { name = "D", value = "50% %none%", line = 5 },
    }, list)
    assert.are.same({}, reader.variables("echo set A=1\nrem set B=2\nset C\nset =4\n"))
  end)
end)

describe("takeover ecx import", function()
  it("prints a draft that is valid and has what was recognised", function()
    local code, out, err = import(BATCH)
    assert.are.equal(0, code)
    assert.are.equal("", err)
    local draft, mistakes = parameters.check(out, "draft")
    assert.are.same({}, mistakes)
    assert.are.equal("http://192.168.0.150:30500/eem", draft.eem.url)
    assert.are.equal("admin", draft.eem.user)
    assert.are.same({ secret = "eem" }, draft.eem.password)
    assert.are.equal(150, draft.nodes.ms2.group_id)
    assert.are.equal("192.168.0.130", draft.nodes.ms1.address)
    local vm = draft.vms.vme2
    assert.are.equal([[G:\Hyper-V\vme2]], vm.path)
    assert.are.equal("7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42", vm.id)
    assert.are.equal("Failover-vme2", vm.group)
    assert.is_truthy(draft.devices["0x8cdf9d911c60"])
    assert.matches("%-%-   line 8: DestPath = G:", out)
  end)

  it("shows no password, also not inside another variable", function()
    for _, more in ipairs({ {}, { "--json" } }) do
      local _, out, err = import(BATCH, table.unpack(more))
      assert.is_nil((out .. err):find("Top-Secret", 1, true))
    end
    local _, out = import(BATCH)
    assert.matches("EEM_PASSWORD is a password and is not shown", out)
    assert.matches("OPTIONS = %-u admin %-p %*%*%*\n", out)
  end)

  it("says what is missing", function()
    local code, out, err = import("set VM=vme9\n")
    assert.are.equal(0, code)
    assert.matches('%["vme9"%]', out)
    assert.matches("%-%- complete this", out)
    assert.matches("complete the lines that say so", err)
  end)

  it("reads the code page of its text, and writes UTF-8", function()
    local _, out = import("set VM=\x8cv\x8eZ\r\n", "--encoding", "932")
    assert.is_truthy(out:find('["計算"]', 1, true))
    _, out = import("set VM=計算\n")
    assert.is_truthy(out:find('["計算"]', 1, true))
  end)

  it("refuses what is no such file", function()
    local function refused(piece, text)
      local code, out, err = import(text)
      assert.are.equal(exit_codes.usage, code)
      assert.are.equal("", out)
      assert.is_truthy(err:find(piece, 1, true), err)
    end
    refused("sets no variable", "echo hello\n")
    refused("sets no variable", "")
    refused("UTF-16", "s\0e\0t\0")
    local result = process.run({ PROGRAM, "ecx", "import", directory .. "/none", timeout = 20 })
    assert.are.equal(exit_codes.failed, result.code)
    assert.matches("FS_NOT_FOUND", result.stderr)
  end)
end)
