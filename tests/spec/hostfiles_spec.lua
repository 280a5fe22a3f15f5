-- Files on a Hyper-V host (fs.open) against the lab over sockets.
local fs = require("fs")
local support = require("support.hyperv")

local VM, FILE, ROOT = support.VM, support.FILE, support.ROOT
local raises, misuse = support.raises, support.misuse
local FOLDER = ROOT .. [[\Virtual Machines]]

local function names(list)
  local found = {}
  for i, file in ipairs(list) do
    found[i] = file.name
  end
  table.sort(found)
  return found
end

describe("files on a host", function()
  local rig, files

  before_each(function()
    rig = support.start()
    files = rig:files()
  end)

  after_each(function()
    rig:stop()
  end)

  it("are listed with size and time, without directories and what is in them", function()
    assert.same({ VM .. ".vmcx", VM .. ".vmrs" }, names(files:list(FOLDER)))
    local file = files:list(FOLDER)[1]
    assert.same({ path = FILE, name = VM .. ".vmcx", size = 54322, modified = file.modified }, file)
    assert.truthy(file.modified:find("^%d+%.%d+[+-]%d+$"))
    assert.same({}, files:list(ROOT))
    assert.same({}, files:list([[G:\]]))
  end)

  it("that are not there are an empty list or nil", function()
    for _, nothing in ipairs({ [[G:\nothing]], [[Z:\nothing]], ROOT .. [[\it's\日本]] }) do
      assert.same({}, files:list(nothing))
      assert.is_nil(files:find(nothing))
      assert.is_nil(files:find_directory(nothing))
    end
    rig.lab.admin:give_disk("ms2")
    assert.same({}, files:list(FOLDER))
  end)

  it("are found by any spelling of their path", function()
    for _, path in ipairs({ FILE, FILE:lower(), (FILE:gsub("\\", "/")),
      (FILE:gsub("\\", "\\\\")) }) do
      assert.equal(FILE, files:find(path).path)
    end
    assert.equal(FOLDER, files:find_directory(FOLDER .. "\\").path)
    assert.equal([[G:\]], files:find_directory([[G:/]]).path)
    assert.is_nil(files:find(FOLDER))
    assert.is_nil(files:find_directory(FILE))
  end)

  it("need a path with its drive", function()
    for _, path in ipairs({ "", "G:", "folder", [[\\server\share\x]], [[\Hyper-V]], "G:x",
      "G:\\a\0b" }) do
      misuse(files.list, files, path)
      misuse(files.copy, files, FILE, path)
    end
    misuse(files.delete, files)
  end)

  it("are copied, renamed and deleted", function()
    local copy, other = FOLDER .. [[\copy.vmcx]], FOLDER .. [[\other.vmcx]]
    files:copy(FILE, copy)
    assert.equal(files:find(FILE).size, files:find(copy).size)
    files:rename(copy, other)
    assert.is_nil(files:find(copy))
    assert.is_true(files:delete(other))
    assert.is_nil(files:find(other))
    assert.is_false(files:delete(other))
    assert.equal(1, rig:count("Delete"))
  end)

  it("are copied, renamed and deleted as whole directories", function()
    local copy, other = FOLDER .. ".takeover-new", FOLDER .. ".takeover"
    files:copy_directory(FOLDER, copy)
    assert.same(names(files:list(FOLDER)), names(files:list(copy)))
    files:rename_directory(copy, other)
    assert.is_nil(files:find_directory(copy))
    assert.equal(2, #files:list(other))
    assert.is_true(files:delete_directory(other))
    assert.is_false(files:delete_directory(other))
    assert.is_nil(files:find_directory(other))
  end)

  it("may have any name and any depth", function()
    local folder = [[G:\計算 ノード #1 (GPU)]]
    rig.world:node("ms1").files:make_directory(folder)
    for i = 1, 4 do
      folder = folder .. "\\" .. ("it's a [long] %name_ & <more> " .. i .. " "):rep(3) .. "x"
      rig.world:node("ms1").files:make_directory(folder)
    end
    local path = folder .. [[\日本 語.vmcx]]
    assert.is_true(#path > 300)
    files:copy(FILE, path)
    assert.same({ "日本 語.vmcx" }, names(files:list(folder)))
    assert.equal(path, files:find(path).path)
    assert.is_true(files:delete(path))
    assert.is_true(files:delete_directory(folder))
  end)

  it("fail in words", function()
    local other = FOLDER .. [[\other.vmcx]]
    files:copy(FILE, other)
    local problem = raises("FS_FAILED", files.copy, files, FILE, other)
    assert.equal(10, problem.hresult)
    assert.truthy(problem.message:find("exists already", 1, true))
    assert.equal(FILE, problem.target)
    problem = raises("FS_FAILED", files.rename, files, FILE, FOLDER .. [[\new.vmcx]])
    assert.equal(15, problem.hresult)
    assert.is_true(problem.transient)
    raises("FS_FAILED", files.delete, files, FILE) -- registered: in use
    problem = raises("FS_FAILED", files.rename, files, other, [[C:\other.vmcx]])
    assert.truthy(problem.message:find("drive", 1, true))
    raises("FS_NOT_FOUND", files.copy, files, FILE, [[G:\nothing\x.vmcx]])
  end)

  it("that are not there cannot be copied", function()
    local nothing = FOLDER .. [[\nothing]]
    assert.equal(nothing, raises("FS_NOT_FOUND", files.copy, files, nothing, [[G:\x]]).target)
    raises("FS_NOT_FOUND", files.rename_directory, files, nothing, [[G:\x]])
  end)

  it("have return values with a name each", function()
    local host = rig.world:node("ms1").files
    for number, word in pairs({ [2] = "access denied", [8] = "unspecified", [16] = "start file",
      [17] = "privilege", [21] = "invalid parameter", [77] = "failed" }) do
      host.copy = function()
        return number
      end
      local problem = raises("FS_FAILED", files.copy, files, FILE, [[G:\x]])
      assert.truthy(problem.message:find(word, 1, true), problem.message)
      assert.equal(number, problem.hresult)
    end
  end)

  it("pass on what happens on the way to the host", function()
    rig:fault({ match = { method = "Copy" }, effect = "drop after", times = 1 })
    local copy = FOLDER .. [[\copy.vmcx]]
    assert.is_true(raises("WMI_UNREACHABLE", files.copy, files, FILE, copy).maybe_executed)
    assert.truthy(files:find(copy))
    rig:fault({ match = { verb = "Enumerate" }, effect = "error", hresult = 0x80041003,
      text = "Access denied" })
    raises("WMI_ACCESS", files.list, files, FOLDER)
  end)

  it("are reached by a handle on root/cimv2, which closes", function()
    misuse(fs.open, rig:wmi())
    misuse(fs.open, nil)
    files:close()
    files:close()
    assert.truthy(misuse(files.list, files, FOLDER):find("closed", 1, true))
  end)
end)
