-- What comes from outside (names, answers, arguments) is shown, never obeyed: not by the terminal,
-- not in another order, not as a line of its own. A secret is gone before a text is cut.
local eem_peer = require("support.eem_peer")
local failure = require("failure")
local html = require("cli.topology.html")
local json = require("json")
local log = require("log")
local wsman_peer = require("wsman_peer")

-- Each acts on a terminal, or on how the text around it is read.
local ACTING = {
  escape = "\27[2J", bell = "\7", backspace = "\8", carriage = "a\rb", delete = "\127",
  csi_of_c1 = "\u{9b}2J", osc_of_c1 = "\u{9d}0;x\u{9c}", next_line = "\u{85}",
  right_to_left = "\u{202e}", isolate = "\u{2066}", mark = "\u{200f}", arabic = "\u{61c}",
  line_separator = "\u{2028}", paragraph = "\u{2029}", null = "\0", raw_byte = "\x9b2J",
}
local SECRET = "ex7ra-ordinary-secre7"

local function acts(text)
  if not utf8.len(text) then
    return "bytes that are no UTF-8"
  end
  for _, c in utf8.codes(text) do
    if (c < 0x20 and c ~= 0x0a) or (c >= 0x7f and c < 0xa0) or c == 0x61c or c == 0x200e
      or c == 0x200f or (c >= 0x2028 and c <= 0x202e) or (c >= 0x2066 and c <= 0x2069) then
      return ("U+%04X"):format(c)
    end
  end
  return nil
end

local function printed(stream, text)
  local program = require("lfs").symlinkattributes("/proc/self/exe").target
  local script = os.tmpname()
  require("fs").write(script, "local stream, text = ...\nrequire('console').write(stream, "
    .. "require('json').decode(text))\n")
  local result = require("process").run({ program, "run", script, stream, json.encode(text) })
  os.remove(script)
  assert.are.equal(0, result.code, result.stderr)
  return result[stream]
end

local peer = eem_peer.new()
after_each(peer.close)

describe("a text from outside", function()
  for name, text in pairs(ACTING) do
    it("does not act: " .. name, function()
      local shown = log.escape("vm" .. text .. "end")
      assert.is_nil(acts(shown), shown)
      assert.is_truthy(shown:find("^vm.+end$"))
      local raised = failure.new({ code = "EEM_REFUSED", message = "x", target = text })
      assert.is_nil(acts(raised.target or ""))
      assert.is_nil(acts(html.text(text)))
    end)
  end

  it("stays as it is where it is harmless", function()
    for _, text in ipairs({ "", "vme2", "仮想マシン", "Größe 5", "\u{1f600}", "a\\b" }) do
      assert.are.equal(text, log.escape(text))
    end
    assert.are.equal("a\\nb", log.escape("a\nb"))
    assert.are.equal("a\nb\tc", log.escape("a\nb\tc", true))
  end)

  it("is escaped on both standard streams, whoever wrote it there; our colours stay", function()
    local all = {}
    for _, text in pairs(ACTING) do
      if utf8.len(text) then -- others cannot be said in JSON
        all[#all + 1] = text
      end
    end
    local text = table.concat(all, "|")
    for _, stream in ipairs({ "stdout", "stderr" }) do
      assert.is_nil(acts(printed(stream, text)))
      assert.are.equal("\27[31mred\27[0m\n", printed(stream, "\27[31mred\27[0m\n"))
      assert.are.equal("\\u001b[8mhidden", printed(stream, "\27[8mhidden"))
    end
  end)

  it("that is JSON stays JSON", function()
    local text = json.encode({ name = "a\u{9b}b\u{202e}c" })
    assert.are.same({ name = "a\u{9b}b\u{202e}c" }, json.decode(printed("stdout", text)))
  end)
end)

describe("what a service answers", function()
  for name, text in pairs(ACTING) do
    it("does not act in the failure that tells of it: " .. name, function()
      local handle = peer.client({ any = {
        status = 400, headers = { ["Content-Type"] = "text/plain" },
        body = '{"code":"' .. (utf8.len(text) and text:gsub("%c", "") or "") .. '","message":'
          .. (utf8.len(text) and json.encode(text) or '"' .. text .. '"') .. "}",
      } })
      local ok, raised = pcall(handle.version, handle)
      assert.is_false(ok)
      assert.is_nil(acts(tostring(raised)), tostring(raised))
    end)
  end

  it("does not act in its Content-Type", function()
    local host = wsman_peer.start(function()
      return { status = 200, headers = { ["Content-Type"] = "text/\27]0;owned\7html" }, body = "x" }
    end)
    local ok, raised = pcall(host:connect().query, host:connect(), "SELECT * FROM a")
    host:close()
    assert.is_false(ok)
    assert.is_nil(acts(tostring(raised)), tostring(raised))
    assert.is_truthy(raised.message:find("\\u001b]0;owned\\u0007html", 1, true), raised.message)
  end)
end)

describe("a secret", function()
  log.add_secret(SECRET)

  -- The longest beginning of the secret that stands in the text.
  local function told(text)
    for len = #SECRET, 4, -1 do
      if text:find(SECRET:sub(1, len), 1, true) then
        return SECRET:sub(1, len)
      end
    end
    return nil
  end

  it("is gone before an answer's text is cut, wherever the cut is", function()
    for before = 180, 640, 7 do
      local handle = peer.client({ any = {
        status = 400, body = json.encode({ code = "40011", message = ("x"):rep(before) .. SECRET }),
      } })
      local _, raised = pcall(handle.version, handle)
      assert.is_nil(told(tostring(raised)), tostring(raised))
      peer.close()
    end
  end)

  it("is gone before a Content-Type and a fault's text are cut", function()
    local pad
    local host = wsman_peer.start(function(request)
      if request.filter:find("fault", 1, true) then
        return wsman_peer.fault("w:InternalError", pad .. SECRET,
          wsman_peer.wsman_fault(2150858793, pad .. SECRET))
      end
      return { status = 200, headers = { ["Content-Type"] = "t/" .. pad .. SECRET }, body = "x" }
    end)
    local connection = host:connect()
    for _, before in ipairs({ 20, 40, 50, 55, 100, 110, 120, 190, 290, 385, 495, 620 }) do
      pad = ("y"):rep(before)
      for _, class in ipairs({ "fault", "type" }) do
        local _, raised = pcall(connection.query, connection, "SELECT * FROM " .. class)
        assert.is_nil(told(tostring(raised)), tostring(raised))
      end
    end
    host:close()
  end)

  it("is gone before a failure's own fields are cut", function()
    for before = 200, 330 do
      local text = ("z"):rep(before) .. SECRET
      local raised = failure.new({ code = "REFUSED", message = "m", hint = text, target = text })
      assert.is_nil(told(raised.hint))
      assert.is_nil(told(raised.target))
    end
  end)

  it("cuts a text between two characters", function()
    local raised = failure.new({ code = "REFUSED", message = "m", target = ("あ"):rep(200) })
    assert.is_truthy(utf8.len(raised.target))
  end)
end)

