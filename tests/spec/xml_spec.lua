local xml = require("xml")

describe("xml", function()
  local function failure_of(...)
    local ok, failure = pcall(xml.parse, ...)
    assert.is_false(ok)
    assert.are.equal("XML_INVALID", failure.code)
    return failure
  end

  it("gives elements with namespace, local name, attributes, text and children in order", function()
    local root = xml.parse('<p:a xmlns:p="urn:x" xmlns="urn:y" p:k="1" l="2">t<b/>u<c>v</c></p:a>')
    assert.are.same({
      name = "a", ns = "urn:x", text = "tu", attributes = { k = "1", l = "2" },
      { name = "b", ns = "urn:y", text = "", attributes = {} },
      { name = "c", ns = "urn:y", text = "v", attributes = {} },
    }, root)
  end)

  it("keeps names apart that differ in the namespace only", function()
    local root = xml.parse('<r xmlns:p="u" xmlns:q="v"><p:x/><q:x/><x/></r>')
    assert.are.same({ "u", "v", "" }, { root[1].ns, root[2].ns, root[3].ns })
  end)

  it("reads more different names than it keeps at hand", function()
    local parts = {}
    for i = 1, 3000 do
      parts[i] = ("<n%d a%d='%d'/>"):format(i, i, i)
    end
    local root = xml.parse("<r>" .. table.concat(parts) .. "</r>")
    for i = 1, 3000 do
      assert.are.equal("n" .. i, root[i].name)
      assert.are.equal(tostring(i), root[i].attributes["a" .. i])
    end
  end)

  it("resolves character references and CDATA, and gives UTF-8 whatever came in", function()
    assert.are.equal("<&>\"'é€", xml.parse("<a>&lt;&amp;&gt;&quot;&apos;&#233;&#x20AC;</a>").text)
    assert.are.equal("<b>", xml.parse("<a><![CDATA[<b>]]></a>").text)
    local utf16 = "<a>\xe9</a>"
    utf16 = "\xff\xfe" .. utf16:gsub(".", "%0\0")
    assert.are.equal("é", xml.parse(utf16).text)
  end)

  it("names line and column of a mistake", function()
    local failure = failure_of("<a>\n  <b></c></a>")
    assert.matches("line 2, column", failure.message)
  end)

  it("refuses document types, and with them entities", function()
    local bomb = '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
      .. '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><l>&c;</l>'
    assert.matches("document type", failure_of(bomb).message)
    failure_of('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>')
    failure_of("<a>&unknown;</a>")
  end)

  it("refuses what is nested deeper than the limit, and takes what is not", function()
    local function nested(depth)
      return ("<a>"):rep(depth) .. ("</a>"):rep(depth)
    end
    assert.are.equal("a", xml.parse(nested(64)).name)
    assert.matches("deeper than 64", failure_of(nested(65)).message)
    assert.are.equal("a", xml.parse(nested(200), { depth = 200 }).name)
    assert.matches("deeper than 1000", failure_of(nested(100000), { depth = 100000 }).message)
  end)

  it("refuses more bytes, elements and attributes than the limits", function()
    assert.matches("longer than 10 bytes", failure_of("<a>123456</a>", { bytes = "10B" }).message)
    assert.matches("more elements than 3",
      failure_of("<a><b/><b/><b/></a>", { elements = 3 }).message)
    assert.are.equal(2, #xml.parse("<a><b/><b/></a>", { elements = 3 }))
    assert.matches("more attributes than 1",
      failure_of("<a b='' c=''/>", { attributes = 1 }).message)
  end)

  it("refuses what is cut off, empty, or not XML at all", function()
    for _, text in ipairs({ "", " ", "<a>", "<a", "text", "{}", "<a/><b/>", "<a>\0</a>",
      "<a>\xff</a>", "<a b=1/>", "<p:a/>" }) do
      failure_of(text)
    end
  end)

  it("escapes so that any text comes back as it was", function()
    local text = "<a b='c'>&amp;\r\n\t\"é€\u{1F600}"
    assert.are.equal(text, xml.parse("<x>" .. xml.escape(text) .. "</x>").text)
    assert.are.equal(text, xml.parse('<x y="' .. xml.escape(text) .. '"/>').attributes.y)
  end)

  it("replaces what XML cannot carry", function()
    local escaped = xml.escape("a\1b\xffc\xed\xa0\x80d\u{FFFE}e\xc3")
    assert.matches("^<x>a\u{FFFD}b", "<x>" .. escaped)
    local text = xml.parse("<x>" .. escaped .. "</x>").text
    assert.are.equal("abcde", (text:gsub("\u{FFFD}", "")))
  end)

  it("names the options when one is misspelt, and the caller's line", function()
    local ok, message = pcall(xml.parse, "<a/>", { dept = 3 })
    assert.is_false(ok)
    assert.matches('no option "dept"; the options are: bytes, depth', tostring(message))
  end)
end)
