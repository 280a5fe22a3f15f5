local fs = require("fs")
local json = require("json")
local log = require("log")
local loop = require("loop")

local SECRET = 'pa"ss/wörd+1'

local function base64(text)
  local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local n = (a << 16) | ((b or 0) << 8) | (c or 0)
    for k = 3, 0, -1 do
      local d = (n >> (6 * k)) & 63
      out[#out + 1] = letters:sub(d + 1, d + 1)
    end
    if not c then
      out[#out] = "="
    end
    if not b then
      out[#out - 1] = "="
    end
  end
  return table.concat(out)
end

describe("log", function()
  local path

  local function written()
    local text = fs.read(path)
    log.configure({ file = "" })
    fs.write(path, "")
    log.configure({ file = path })
    return text
  end

  before_each(function()
    path = os.tmpname()
    log.configure({ format = "human", level = "info", colour = false, quiet = true, file = path })
  end)

  after_each(function()
    log.configure({ file = "", quiet = false, format = "human", level = "info" })
    os.remove(path)
  end)

  it("writes one human line for each event, fields sorted", function()
    log.info("device connected", { id = "0x8c", took = 1.5, again = false, what = "a b" })
    assert.matches('^%d%d:%d%d:%d%d%.%d%d%d INFO  device connected  '
      .. 'again=false id=0x8c took=1%.5 what="a b"\n$', written())
    log.warn("no fields")
    assert.matches("^%S+ WARN  no fields\n$", written())
  end)

  it("writes JSON lines with date, milliseconds and zone", function()
    log.configure({ format = "json" })
    log.error('quote " and \\', { list = { 1, "x" }, deep = { a = { b = true } }, time = 5 })
    local line = written()
    local event = json.decode(line)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d[+-]%d%d:%d%d$", event.time)
    assert.equal("error", event.level)
    assert.equal('quote " and \\', event.message)
    assert.same({ 1, "x" }, event.list)
    assert.same({ a = { b = true } }, event.deep)
    assert.equal(5, event.time_)
  end)

  it("keeps one event on one line, whatever it contains", function()
    local nasty = "a\nb\r\27[31m\0\xc2\x85\xe2\x80\xa8end"
    for _, format in ipairs({ "human", "json" }) do
      log.configure({ format = format })
      log.info(nasty, { ["k\ney"] = nasty })
      local line = written()
      assert.equal(1, select(2, line:gsub("\n", "")))
      assert.is_nil(line:find("[%z\1-\9\11-\31]"))
      assert.is_nil(line:find("\xc2\x85", 1, true))
    end
  end)

  it("writes valid UTF-8 only", function()
    for _, format in ipairs({ "human", "json" }) do
      log.configure({ format = format })
      log.info("a\xffb \xc3 \xed\xa0\x80 \xf5\x80\x80\x80 é €", { f = "\x80" })
      local line = written()
      assert.is_truthy(utf8.len(line))
      assert.is_truthy(line:find("é €", 1, true))
    end
  end)

  it("passes over what is below the level", function()
    log.configure({ level = "warn" })
    log.debug("d")
    log.info("i")
    log.warn("w")
    local _, lines = written():gsub("\n", "")
    assert.equal(1, lines)
    log.configure({ level = "debug" })
    log.debug("d")
    assert.matches("DEBUG d", written())
  end)

  it("takes any value as message and field", function()
    local failed = require("failure").new({ code = "BUSY", message = "taken" })
    log.info(failed, { f = failed, n = 1 / 0, fn = print })
    assert.matches('INFO  BUSY: taken  f="BUSY: taken" fn="?function.-"? n=inf', written())
    log.configure({ format = "json" })
    log.info("x", { f = failed, n = 0 / 0 })
    assert.equal("BUSY", json.decode(written()).f.code)
  end)

  it("ends with tables that contain themselves", function()
    local t = {}
    t.t = t
    log.info("round", t)
    assert.matches("round", written())
  end)

  it("appends to the file and colours only when asked", function()
    log.info("one")
    log.info("two")
    local text = written()
    assert.matches("one.*\n.*two", text)
    assert.is_nil(text:find("\27", 1, true))
    log.configure({ colour = true })
    log.warn("three")
    assert.is_truthy(written():find("\27[33m", 1, true))
  end)

  it("refuses what it does not know and keeps its settings then", function()
    assert.has_error(function() log.configure({ level = "loud" }) end)
    assert.has_error(function() log.configure({ format = "xml", level = "error" }) end)
    assert.has_error(function() log.configure({ volume = 1 }) end)
    local ok, failed = loop.guard(log.configure, { file = "/no/such/directory/x" })
    assert.is_false(ok)
    assert.equal("FS_FAILED", failed.code)
    log.info("still here")
    assert.matches("still here", written())
  end)

  describe("keeps a known secret out", function()
    before_each(function()
      log.add_secret(SECRET)
    end)

    it("of messages, keys and fields, at any depth", function()
      for _, format in ipairs({ "human", "json" }) do
        log.configure({ format = format })
        log.info("is " .. SECRET, { [SECRET] = 1, a = SECRET, b = { c = { "x" .. SECRET } } })
        local line = written()
        assert.is_nil(line:find("wörd", 1, true))
        assert.is_nil(line:find('pa\\"ss', 1, true))
        assert.is_truthy(line:find("is ***", 1, true))
      end
    end)

    it("of numbers that are one", function()
      log.add_secret("987654321")
      log.info("n", { pin = 987654321 })
      assert.matches("pin=%*%*%*", written())
    end)

    it("as base64, alone and inside of user:secret", function()
      for _, before in ipairs({ "", "a:", "ab:", "abc:", "admin:" }) do
        for _, after in ipairs({ "", "\n", "xyz" }) do
          local text = log.redact("Basic " .. base64(before .. SECRET .. after))
          local kept = text:match("^Basic (.*)$")
          local rest = #base64(before) + #base64(after) + 3 + 8
          assert.is_truthy(kept:find("***", 1, true), kept)
          assert.is_true(#kept <= rest, kept)
        end
      end
    end)

    it("escaped for JSON, XML and addresses", function()
      local xml = SECRET:gsub('"', "&quot;")
      local percent = SECRET:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
      for _, form in ipairs({ json.encode(SECRET), xml, percent, percent:lower() }) do
        local clean = log.redact("<" .. form .. ">")
        assert.is_true(clean == "<***>" or clean == '<"***">', clean)
      end
    end)

    it("completely where secrets overlap", function()
      log.add_secret("abcdef")
      log.add_secret("defghi")
      assert.equal("x***y", log.redact("xabcdefghiy"))
    end)

    it("and leaves other text alone", function()
      assert.equal("nothing here", log.redact("nothing here"))
      log.add_secret("ab") -- too short to be one
      assert.equal("ab", log.redact("ab"))
    end)
  end)
end)
