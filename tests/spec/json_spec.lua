-- The module `json`: numbers and lists survive, output compares, mistakes are found.
local json = require("json")

-- The failure object that `text` raises.
local function refused(text)
  local ok, failure = pcall(json.decode, text)
  assert(not ok, "this was accepted: " .. text)
  assert.equal("JSON_INVALID", failure.code)
  return failure
end

describe("json.decode", function()
  it("makes whole numbers integers, exactly, up to 64 bits", function()
    local list = json.decode(
      "[4093, -7, 0, 9007199254740993, 9223372036854775807, -9223372036854775808]")
    local wanted = { 4093, -7, 0, 9007199254740993, math.maxinteger, math.mininteger }
    for i, number in ipairs(wanted) do
      assert.equal("integer", math.type(list[i]))
      assert.equal(number, list[i])
    end
  end)

  it("keeps whole numbers beyond 64 bits as decimal text", function()
    local list = json.decode("[18446744073709551615,-9223372036854775809]")
    assert.same({ "18446744073709551615", "-9223372036854775809" }, list)
  end)

  it("makes numbers with a point or an exponent floats", function()
    local numbers = { ["1.5"] = 1.5, ["4093.0"] = 4093.0, ["1e3"] = 1000.0, ["-2E-1"] = -0.2 }
    for text, number in pairs(numbers) do
      local value = json.decode(text)
      assert.equal("float", math.type(value))
      assert.equal(number, value)
    end
  end)

  it("reads null as absent, in objects, in lists and alone", function()
    local value = json.decode('{"a":null,"b":[1,null,3],"c":{"d":null},"e":false}')
    assert.is_nil(value.a)
    assert.is_nil(value.b[2])
    assert.equal(3, value.b[3])
    assert.is_nil(next(value.c))
    assert.is_false(value.e)
    assert.is_nil(json.decode(" null "))
  end)

  it("leaves text alone, also text that looks like a number or a list", function()
    local value = json.decode([=[{"4093":"4094", "a":"[]",
      "b":"\u00e9\ud83d\ude00\n\"12\"\\", "c":"x: 5, [ ]"}]=])
    assert.same({ ["4093"] = "4094", a = "[]", b = "é😀\n\"12\"\\", c = "x: 5, [ ]" }, value)
    assert.equal("\0\1ÿ", json.decode([["\u0000\u0001\u00ff"]]))
  end)

  it("keeps an empty list a list", function()
    assert.equal('{"a":[],"b":{},"c":[[],1]}',
      json.encode(json.decode('{"a":[ ],"b":{},"c":[[],1]}')))
  end)

  it("says where the text is wrong", function()
    assert.matches("line 3, column 8", refused('{\n  "a": 12345,\n  "b": nul\n}').message, 1, true)
    assert.matches("line 1, column 13$", refused("[1, 22, 333,, 4]").message)
    assert.matches("line 1, column 12$", refused("[123,4,555,x]").message)
    assert.matches("line 1, column 2$", refused("[01]").message)
  end)

  it("refuses everything that is not JSON", function()
    for _, text in ipairs({
      "", " ", "{", "[1,2", '{"a":1', "[1,]", '{"a":1,}', "{1:2}", "{[]:1}", "{a:1}", "[1 2]",
      "[] x", "nan", "[NaN]", "[Infinity]", "0x10", "007", "-", "+1", ".5", "1.", "1e", "1e400",
      "- 1", '"abc', '"a\nb"', '"\\x"', '"\\ud800"', "'a'", "\239\187\191{}", '"\255"', "[1]\0",
      "<html></html>", '{"a" 1}', "12a", '"\\',
    }) do
      refused(text)
    end
  end)

  it("refuses nesting beyond its limit and reads what is within", function()
    assert.is_table(json.decode(("["):rep(100) .. "1" .. ("]"):rep(100)))
    assert.matches("nested", refused(("["):rep(101) .. "1" .. ("]"):rep(101)).message)
    refused(('{"a":'):rep(200000))
  end)

  it("takes text only", function()
    assert.has_error(function() json.decode(nil) end)
    assert.has_error(function() json.decode(12) end)
  end)

  it("reads a large text", function()
    local parts = {}
    for i = 1, 20000 do
      parts[i] = ('{"id":"0x%012x","n":%d}'):format(i, i)
    end
    local list = json.decode("[" .. table.concat(parts, ",") .. "]")
    assert.equal(20000, #list)
    assert.same({ id = "0x000000004e20", n = 20000 }, list[20000])
  end)
end)

describe("json.encode", function()
  it("sorts keys, so that equal values give equal text", function()
    assert.equal('{"":0,"B":1,"a":2,"aa":3,"b":{"x":1,"y":2}}',
      json.encode({ aa = 3, b = { y = 2, x = 1 }, a = 2, B = 1, [""] = 0 }))
  end)

  it("writes sequences as lists and an empty table as an object, unless it is marked", function()
    assert.equal("[1,[2,3],{}]", json.encode({ 1, { 2, 3 }, {} }))
    assert.equal("[]", json.encode(json.array()))
    assert.equal("[]", json.encode(json.array({})))
    assert.equal("[1]", json.encode(json.array({ 1 })))
    local list = {}
    assert.equal(list, json.array(list))
  end)

  it("writes numbers so that they read back as the same", function()
    local numbers =
      { 4093, math.maxinteger, math.mininteger, 0.1, 1 / 3, 4093.0, 1e300, -0.5, 5e-324 }
    local back = json.decode(json.encode(numbers))
    for i, number in ipairs(numbers) do
      assert.equal(number, back[i])
      assert.equal(math.type(number), math.type(back[i]))
    end
    assert.equal("[4093,4093.0,0.1]", json.encode({ 4093, 4093.0, 0.1 }))
  end)

  it("escapes text and never writes bytes that are not UTF-8", function()
    assert.equal([["a\"b\\c\n\t\u0001\u0000é😀/"]], json.encode("a\"b\\c\n\t\1\0é😀/"))
    assert.equal([["\ufffd\ufffda\ufffd\ufffd\ufffd\ufffd\ufffd"]],
      json.encode("\255\195a\237\160\128\192\175"))
    assert.equal("a\"b\\é\127\8\12\13", json.decode(json.encode("a\"b\\é\127\8\12\13")))
  end)

  it("writes scalars and nil", function()
    assert.equal("null", json.encode(nil))
    assert.equal("true", json.encode(true))
    assert.equal('"x"', json.encode("x"))
  end)

  it("indents by two spaces when pretty", function()
    local lines = { "{", '  "a": [', "    1,", "    {", '      "b": true', "    }", "  ],",
      '  "c": {},', '  "d": []', "}" }
    assert.equal(table.concat(lines, "\n"),
      json.encode({ a = { 1, { b = true } }, c = {}, d = json.array() }, { pretty = true }))
  end)

  it("names the place of what cannot be written", function()
    local loop = { steps = { {} } }
    loop.steps[1].back = loop
    local deep = {}
    for _ = 1, 200 do
      deep = { deep }
    end
    for message, value in pairs({
      ["the value.steps[2].act is a function"] = { steps = { {}, { act = print } } },
      ["the value.steps[1].back contains itself"] = loop,
      ["the value.x is not a finite number"] = { x = 0 / 0 },
      ["the value[1] is not a finite number"] = { math.huge },
      ["the value is a thread"] = coroutine.create(print),
      ["the value.a has a key that is a number"] = { a = { [50] = "x", b = 1 } },
      ["the value.a is a list with holes"] = { a = { 1, 2, 3, x = 1 } },
      ["is nested too deeply"] = deep,
    }) do
      local ok, text = pcall(json.encode, value)
      assert.is_false(ok)
      assert.matches(message, text, 1, true)
    end
    assert.has_error(function() json.encode({ 1, nil, 3 }) end)
    assert.has_error(function() json.encode(json.array({ a = 1 })) end)
  end)

  it("writes the same table twice where it is not inside itself", function()
    local shared = { 1 }
    assert.equal('{"a":[1],"b":[1]}', json.encode({ a = shared, b = shared }))
  end)

  it("refuses unknown options and foreign metatables", function()
    assert.has_error(function() json.encode({}, { pritty = true }) end,
      'json.encode: there is no option "pritty"; the options are: pretty')
    assert.has_error(function() json.array(setmetatable({}, {})) end)
    assert.has_error(function() json.encode() end)
  end)
end)
