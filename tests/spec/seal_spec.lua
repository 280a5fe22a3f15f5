-- The framing of encrypted WS-Management messages (MS-WSMV 2.2.9.1), without any encryption.
local seal = require("seal")

local TYPE = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted"'
  .. ';boundary="Encrypted Boundary"'

local GOOD = "--Encrypted Boundary\r\n"
  .. "\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
  .. "\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=5\r\n"
  .. "--Encrypted Boundary\r\n"
  .. "\tContent-Type: application/octet-stream\r\n"
  .. "\3\0\0\0sigDATA!--Encrypted Boundary--\r\n"

local function read(kind, body)
  return seal.read_frame(kind, body)
end

local function refusal(kind, body)
  local ok, problem = pcall(read, kind, body)
  assert.is_false(ok)
  assert.equal("WMI_SEAL", problem.code)
  return problem.message
end

-- GOOD with the first occurrence of a text replaced.
local function but(from, to)
  local first, last = GOOD:find(from, 1, true)
  return GOOD:sub(1, first - 1) .. to .. GOOD:sub(last + 1)
end

describe("an encrypted message", function()
  it("is read", function()
    assert.same({
      protocol = "SPNEGO", type = "application/soap+xml;charset=UTF-8", length = 5, header = "sig",
      sealed = "DATA!",
    }, read(TYPE, GOOD))
  end)

  it("is written as it is read, whatever bytes are in it", function()
    local bytes = {}
    for i = 0, 255 do
      bytes[i + 1] = string.char(i)
    end
    local all = table.concat(bytes):rep(300) .. "--Encrypted Boundary--\r\n--Encrypted Boundary\r\n"
    for _, protocol in ipairs({ "SPNEGO", "Kerberos" }) do
      local body, kind = seal.write_frame(protocol, #all, all:sub(1, 60), all)
      local frame = read(kind, body)
      assert.equal(protocol, frame.protocol)
      assert.equal(#all, frame.length)
      assert.equal(all:sub(1, 60), frame.header)
      assert.equal(all, frame.sealed)
    end
    assert.equal(GOOD, (seal.write_frame("SPNEGO", 5, "sig", "DATA!")))
  end)

  it("may be written as Windows does: a blank in the boundary, no tabs, no line end", function()
    local spaced = GOOD:gsub("%-%-Encrypted", "-- Encrypted")
    assert.equal("DATA!", read(TYPE, spaced).sealed)
    assert.equal("DATA!", read(TYPE, (GOOD:gsub("\t", ""))).sealed)
    assert.equal("DATA!", read(TYPE, GOOD:sub(1, -3)).sealed)
    assert.equal("DATA!", read((TYPE:gsub(";", "; "):gsub("multipart", "Multipart")), GOOD).sealed)
    assert.equal("DATA!", read(TYPE:gsub('"Encrypted Boundary"', "x"),
      (GOOD:gsub("Encrypted Boundary", "x"))).sealed)
  end)

  it("is refused with a reason when anything about it is not so", function()
    local malformed = {
      { "another Content%-Type", "application/soap+xml;charset=UTF-8", GOOD },
      { "another Content%-Type", "", GOOD },
      { "another protocol", TYPE:gsub("SPNEGO", "CredSSP"), GOOD },
      { "another protocol", "multipart/encrypted;boundary=x", GOOD },
      { "no usable boundary", TYPE:gsub(";boundary.*", ""), GOOD },
      { "no usable boundary", TYPE:gsub('"Encrypted Boundary"', '""'), GOOD },
      { "no usable boundary", TYPE:gsub("Encrypted Boundary", ("x"):rep(71)), GOOD },
      { "does not begin", TYPE, "" },
      { "does not begin", TYPE, "--" },
      { "does not begin", TYPE, "\r\n" .. GOOD },
      { "does not begin", TYPE, but("Boundary\r\n", "Boundary \n") },
      { "does not begin", TYPE, but("Boundary\r\n", "Boundaries\r\n") },
      { "first part", TYPE, but("SPNEGO", "Kerberos") },
      { "first part", TYPE, but("Content-Type", "Content-Kind") },
      { "first part", TYPE, but("Content-Type", ("x"):rep(1000)) },
      { "what was encrypted", TYPE, but("Length=5", "Length=") },
      { "what was encrypted", TYPE, but("Length=5", "Length=-5") },
      { "what was encrypted", TYPE, but("Length=5", "Length=0x5") },
      { "what was encrypted", TYPE, but("Length=5", "Length=5;Length=6") },
      { "what was encrypted", TYPE, but("Length=5", "Length=99999999999999999999") },
      { "what was encrypted", TYPE, but("Length=5", "Size=5") },
      { "what was encrypted", TYPE, but("type=application", "kind=application") },
      { "what was encrypted", TYPE, but("type=application/soap+xml", "type=" .. ("y"):rep(100)) },
      { "what was encrypted", TYPE, but("OriginalContent", "Original") },
      { "second part is missing", TYPE, but("--Encrypted Boundary\r\n\tContent-Type: application/o",
        "Content-Type: application/o") },
      { "second part is of another", TYPE, but("octet-stream", "octets") },
      { "second part is of another", TYPE, but("octet-stream\r\n", "octet-stream\n") },
      { "does not end", TYPE, GOOD:sub(1, -5) },
      { "does not end", TYPE, GOOD .. "x" },
      { "does not end", TYPE, GOOD .. GOOD .. "." },
      { "before the security token", TYPE, but("\3\0\0\0sigDATA!", "") },
      { "before the security token", TYPE, but("\3\0\0\0sigDATA!", "\3\0\0") },
      { "length of its security token", TYPE, but("\3\0\0\0sig", "\0\0\0\0") },
      { "length of its security token", TYPE, but("\3\0\0\0sig", "\9\0\0\0") },
      { "length of its security token", TYPE, but("\3\0\0\0", "\255\255\255\255") },
      { "length of its security token", TYPE,
        but("\3\0\0\0", "\1\0\1\0" .. ("x"):rep(70000)) },
    }
    for i, case in ipairs(malformed) do
      local ok, problem = pcall(refusal, case[2], case[3])
      assert.is_true(ok, ("case %d: %s"):format(i, tostring(problem)))
      assert.matches(case[1], problem, nil, ("case %d"):format(i))
    end
  end)

  it("is refused when it is cut off anywhere", function()
    for length = 0, #GOOD - 3 do
      refusal(TYPE, GOOD:sub(1, length))
    end
  end)

  it("never breaks the reader, whatever byte of it is changed", function()
    for at = 1, #GOOD do
      for _, byte in ipairs({ 0, 9, 10, 13, 32, 45, 59, 61, 255 }) do
        local ok, problem = pcall(read, TYPE, GOOD:sub(1, at - 1) .. string.char(byte)
          .. GOOD:sub(at + 1))
        assert.is_true(ok or problem.code == "WMI_SEAL")
      end
    end
  end)
end)

describe("the binding to a certificate", function()
  local function certificate(name)
    return require("fs").read("tests/fixtures/" .. name)
  end

  it("is the hash that the certificate is signed with, SHA-256 instead of SHA-1", function()
    local digest = require("digest")
    local process = require("process")
    for _, kind in ipairs({ "rsa-sha1", "rsa-sha256", "rsa-sha384", "rsa-sha512", "ec-sha384" }) do
      local path = "tests/fixtures/certificates/" .. kind .. ".pem"
      local pem = certificate("certificates/" .. kind .. ".pem")
      local hash = kind:match("%-(%w+)$"):gsub("sha1$", "sha256")
      local printed = process.run({ "openssl", "x509", "-in", path, "-noout", "-fingerprint",
        "-" .. hash }).stdout
      local wanted = printed:match("=([%x:]+)"):gsub(":", ""):lower()
      local binding = seal.binding(pem)
      local prefix, bytes = binding:sub(1, 21), binding:sub(22)
      assert.equal("tls-server-end-point:", prefix)
      assert.equal(wanted, (bytes:gsub(".", function(c)
        return ("%02x"):format(c:byte())
      end)))
    end
    assert.equal(64, #digest.sha256(""))
  end)

  it("is none for what is no certificate", function()
    local pem = certificate("certificates/rsa-sha256.pem")
    assert.is_nil(seal.binding(""))
    assert.is_nil(seal.binding("-----BEGIN CERTIFICATE-----"))
    assert.is_nil(seal.binding("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"))
    assert.is_nil(seal.binding((pem:gsub("\nMI", "\n!I", 1))))
    assert.is_nil(seal.binding((pem:gsub("(CERTIFICATE%-%-%-%-%-\n.-\n).-\n", "%1", 1))))
  end)
end)
