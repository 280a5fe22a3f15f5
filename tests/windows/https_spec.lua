-- https by Schannel, which only takeover.exe has, under Wine (tests/windows/com prepares it).
-- Wine's Schannel trusts every certificate where the program leaves judging to it, as it does
-- without `ca` (docs/windows.md).
local exe = require("tests.windows.exe")
local folder = require("cli.folder")
local fs = require("fs")
local lab_module = require("support.lab")
local process = require("process")
local site_module = require("support.site")

describe("https by Schannel", function()
  local directory, lab

  local function openssl(...)
    local made = process.run({ "openssl", ... })
    assert.are.equal(0, made.code, made.stderr)
  end

  -- A certificate that is its own authority, or that the authority `ca` signed.
  local function certificate(name, ca)
    local file = directory .. "/" .. name
    local key = { "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
      file .. ".key", "-subj", "/CN=" .. name }
    if not ca then
      openssl("req", "-x509", "-days", "1", "-out", file .. ".crt", table.unpack(key))
      return
    end
    fs.write(file .. ".ext", "subjectAltName=DNS:localhost\n")
    openssl("req", "-out", file .. ".csr", table.unpack(key))
    openssl("x509", "-req", "-days", "1", "-in", file .. ".csr", "-CA", directory .. "/" .. ca
      .. ".crt", "-CAkey", directory .. "/" .. ca .. ".key", "-CAcreateserial", "-extfile",
      file .. ".ext", "-out", file .. ".crt")
  end

  setup(function()
    directory = folder.temporary()
    certificate("authority")
    certificate("other")
    certificate("server", "authority")
    lab = lab_module.start({ process = true, latency = 0, user = site_module.USER,
      password = site_module.PASSWORD, tls = { certificate = fs.read(directory .. "/server.crt"),
        key = fs.read(directory .. "/server.key") } })
  end)

  teardown(function()
    lab:stop()
    folder.remove(directory)
  end)

  -- What the query and ExpEther Manager's version give with these options.
  local function ask(options)
    local function at(url, more)
      local all = { url = url:gsub("127%.0%.0%.1", "localhost"), user = site_module.USER,
        password = site_module.PASSWORD }
      for _, from in ipairs({ options, more }) do
        for key, value in pairs(from) do
          all[key] = value
        end
      end
      return all
    end
    local results = exe.com("plain", {
      { op = "open", options = at(lab.nodes.ms1.url, { auth = "basic" }) },
      { op = "query", text = "SELECT * FROM Msvm_ComputerSystem" },
      { op = "eem", options = at(lab.eem_url, {}) },
    })
    return results[2], results[3]
  end

  it("trusts the authority that ca names, and no other", function()
    local query, version = ask({ ca = directory .. "/authority.crt" })
    assert.are.equal("MS1", query.value and query.value[1].Name, query.message)
    assert.is_true(version.ok, version.message)
    query, version = ask({ ca = directory .. "/other.crt" })
    exe.failed(query, "WMI_TLS", "authority")
    exe.failed(version, "EEM_TLS", "authority")
  end)

  it("trusts everybody where insecure says so", function()
    local query, version = ask({ insecure = true, ca = directory .. "/other.crt" })
    assert.is_true(query.ok, query.message)
    assert.is_true(version.ok, version.message)
  end)
end)
