-- The page with the cluster drawn: what is on it, that nothing from outside is obeyed, and that a
-- browser shows it without complaint.
local fleet = require("support.fleet")
local folder = require("cli.folder")
local fs = require("fs")
local html = require("cli.topology.html")
local layout = require("cli.topology.layout")
local page = require("cli.topology.page")
local process = require("process")
local xml = require("xml")

local EVIL = "</title></desc><script>document.title='owned'</script><img src=x onerror=alert(1)>"
  .. "\"'&amp;\1\xff"

local function count(text, pattern)
  local _, found = text:gsub(pattern, "")
  return found
end

-- The drawing as elements; it is XML as well as HTML.
local function drawing_of(text)
  return xml.parse(text:match('<svg class="topology".-\n</svg>'))
end

local function each(element, fn)
  for _, child in ipairs(element) do
    fn(child)
    each(child, fn)
  end
end

-- A situation of many: servers, 16 devices and machines each, of which some are far away.
local function many(servers)
  local situation = { devices = {}, nodes = {}, vms = {}, boards = {}, warnings = {} }
  for i = 1, servers do
    situation.nodes[i] = {
      name = ("host%02d"):format(i), group_id = 15 + i, reachable = true, asked = true, held = 16,
      drained = false, unclaimed = {}, capacity = 16,
    }
  end
  for i = 1, servers * 16 do
    local far = i % 10 == 0
    local node = ("host%02d"):format(far and servers - (i - 1) // 16 or (i - 1) // 16 + 1)
    local vm = ("vm%04d"):format(i)
    situation.devices[i] = {
      id = ("0x8cdf9d%06x"):format(i), title = "gpu", name = ("gpu%04d"):format(i), kind = "card",
      labels = {}, box = ("box%03d"):format((i - 1) // 8), identity = "declared", vendor = "10de",
      device = "1f08", state = "held", use = "used", node = node, vm = vm, vm_running = true,
      link = "up", locations = {},
    }
    situation.vms[i] = {
      key = vm, name = vm, node = node, state = "running", running = true, devices = {},
      requests = {}, degraded = false, priority = 0,
    }
  end
  return situation
end

describe("text on a page", function()
  it("is read and not obeyed, whatever it is", function()
    assert.are.equal("&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;",
      html.text([[<b a="1" c='2'>&amp;]]))
    assert.are.equal("a b\u{FFFD}c\u{FFFD}", html.text("a\nb\0c\127"))
    assert.are.equal("\u{FFFD}x\u{FFFD}\u{FFFD}", html.text("\xffx\xe3\x81"))
    assert.are.equal("", html.text(nil))
    assert.are.equal("日本", html.text("日本"))
  end)

  it("is shortened by columns, never inside of a character", function()
    assert.are.equal("計算…", html.short("計算ノード", 5))
    assert.are.equal("計算", html.short("計算", 4))
    assert.are.equal("abc…", html.short("abcdef", 4))
    assert.is_truthy(utf8.len(html.short(("\xff"):rep(9), 4)))
  end)
end)

describe("the page of a cluster", function()
  it("draws every server, box, device and virtual machine, and a link for each held device",
    function()
      local situation = fleet.read()
      local text = page.of(situation, { at = 0 })
      local classes, titles = {}, 0
      each(drawing_of(text), function(element)
        local class = element.attributes.class or element.name
        classes[class] = (classes[class] or 0) + 1
        titles = titles + (element.name == "title" and 1 or 0)
      end)
      assert.are.same({ 4, 4, 5 }, { classes.node, classes.io, classes["link used"] })
      assert.are.same({ 5, 5 }, { classes["s-used"], classes["s-free"] })
      assert.are.equal(1 + 4 + 4 + 5 + #situation.devices + #situation.vms, titles)
      for _, list in ipairs({ situation.devices, situation.vms, situation.nodes }) do
        for _, one in ipairs(list) do
          assert.is_truthy(text:find(">" .. (one.key or one.name or one.id) .. "<", 1, true))
        end
      end
    end)

  it("says in tables what it draws, with captions and heads", function()
    local text = page.of((fleet.read()), { at = 1800000000, remark = "A remark." })
    assert.are.equal(3, count(text, "<caption>"))
    assert.are.equal(10 + 6 + 4, count(text, '<th scope="row">'))
    assert.are.equal(10 + 8 + 5, count(text, '<th scope="col">'))
    assert.is_truthy(text:find('role="img" aria-labelledby="drawing-title drawing-text"', 1, true))
    assert.is_truthy(text:find("<desc id=\"drawing-text\">10 devices (5 used, 5 free); "
      .. "6 virtual machines, 4 of them running; 4 servers.", 1, true))
    assert.is_truthy(text:find("at 2027-01-15 08:00:00 UTC. A remark.", 1, true))
    assert.is_truthy(text:find("prefers-color-scheme: dark", 1, true))
  end)

  it("needs nothing from elsewhere", function()
    local text = page.of((fleet.read()), { at = 0 })
    assert.are.equal(0, count(text, "https?://"))
    assert.are.equal(0, count(text, "<script"))
    assert.are.equal(0, count(text, "url%("))
    assert.are.equal(0, count(text, "<link"))
    assert.is_truthy(text:find("default-src 'none'; style-src 'unsafe-inline'", 1, true))
  end)

  local function evil_situation()
    local situation = fleet.read({ admin = { { "kill", { node = "ms3" } } } })
    for _, device in ipairs(situation.devices) do
      device.name, device.title, device.box = EVIL, EVIL, EVIL
      device.labels, device.model, device.why = { [EVIL] = EVIL }, EVIL, EVIL
    end
    for _, vm in ipairs(situation.vms) do
      vm.name, vm.state, vm.heartbeat = EVIL, EVIL, EVIL
      vm.requests[1].title = EVIL
    end
    for _, node in ipairs(situation.nodes) do
      node.why, node.board = EVIL, EVIL
    end
    situation.warnings[1] = EVIL
    return situation
  end

  it("escapes everything that comes from outside", function()
    local text = page.of(evil_situation(), { at = 0, remark = EVIL })
    assert.are.equal(0, count(text, "<script"))
    assert.are.equal(0, count(text, "<img"))
    assert.are.equal(0, count(text, "[%z\1-\8]"))
    assert.is_truthy(utf8.len(text))
    assert.is_true(count(text, "&lt;script&gt;") > 50)
    assert.has_no.errors(function()
      drawing_of(text)
    end)
  end)

  it("shows states by shape as well as by colour, and says each in the legend", function()
    local situation = fleet.read({
      admin = { { "kill", { node = "ms2" } }, { "device", { id = fleet.A4, group_id = 777 } } },
      edit = function(text)
        return (text:gsub("devices = {", 'devices = { ["0x8cdf9d9201ff"] = {},', 1))
      end,
      quarantined = { { id = fleet.A2, since = 1800000000, ["until"] = 1800000600, count = 1,
        reason = "its link is down", node = "ms1" } },
    })
    local text = page.of(situation, { at = 0 })
    local shapes = {}
    for mark in text:gmatch('<svg class="mark"[^>]*>(.-)</svg>') do
      shapes[mark:gsub('class="[^"]*"', "")] = true
    end
    local number = 0
    for _ in pairs(shapes) do
      number = number + 1
    end
    assert.is_true(number >= 6)
    assert.is_truthy(text:find("1 missing", 1, true))
    assert.is_truthy(text:find("1 foreign", 1, true))
    assert.is_truthy(text:find("1 quarantined", 1, true))
    assert.is_truthy(text:find("2 doubtful", 1, true))
  end)
end)

describe("the drawing of many servers", function()
  local drawn = layout.of(many(64))

  it("lets no two blocks overlap and keeps every row inside its block", function()
    for _, column in ipairs({ drawn.nodes, drawn.boxes }) do
      local bottom = 0
      for _, block in ipairs(column) do
        assert.is_true(block.y >= bottom, block.title)
        bottom = block.y + block.height
        for _, row in ipairs(block.rows) do
          assert.is_true(row.y > block.y + layout.HEAD and row.y < bottom)
        end
        assert.is_true(bottom <= drawn.height)
      end
    end
  end)

  it("puts servers beside their devices, and names the ends of links that go far", function()
    local far, near = 0, 0
    for _, link in ipairs(drawn.links) do
      far, near = far + (link.far and 1 or 0), near + (link.far and 0 or 1)
    end
    assert.are.equal(1024, far + near)
    assert.is_true(near > 850, near .. " links are near")
    assert.is_true(far > 0)
    local text = page.of(many(64), { at = 0 })
    assert.are.equal(near, count(text, '<path class="link used"'))
    assert.is_true(count(text, '<text class="far"') > far)
  end)

  it("is made in a moment, of a size that a browser takes", function()
    local loop = require("loop")
    local began = loop.now()
    local text = page.of(many(64), { at = 0 })
    assert.is_true(#text < 3e6, #text .. " bytes")
    assert.is_true(loop.now() - began < 20)
  end)

  it("also is one of nothing at all", function()
    local empty = { devices = {}, nodes = {}, vms = {}, boards = {}, warnings = {} }
    local text = page.of(empty, { at = 0 })
    assert.is_truthy(text:find("no device", 1, true))
    assert.has_no.errors(function()
      drawing_of(text)
    end)
  end)
end)

describe("a browser", function()
  local directory, browser

  setup(function()
    directory = folder.temporary()
    local ok, result = pcall(process.run, { "chromium", "--version", timeout = 20 })
    browser = ok and result.code == 0
  end)

  teardown(function()
    folder.remove(directory)
  end)

  -- What a page has become in the browser, and what it complained of. The profile is thrown away.
  local function open(text, options)
    fs.write(directory .. "/page.html", text)
    local arguments = {
      "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--user-data-dir=" .. directory .. "/profile", "--enable-logging=stderr",
      "--window-size=1250,1600", timeout = 60,
    }
    for _, option in ipairs(options or {}) do
      arguments[#arguments + 1] = option
    end
    arguments[#arguments + 1] = "file://" .. directory .. "/page.html"
    local result = process.run(arguments)
    assert.is_false(result.timed_out)
    local complaints = {}
    for line in result.stderr:gmatch("[^\n]*CONSOLE[^\n]*") do
      complaints[#complaints + 1] = line
    end
    return result.stdout, complaints
  end

  it("shows the page as it was meant, and does not complain", function()
    if not browser then
      pending("chromium is not installed; `./bootstrap test` installs it")
      return
    end
    local dom, complaints = open(page.of((fleet.read()), { at = 0 }), { "--dump-dom" })
    assert.are.same({}, complaints)
    assert.are.equal(10 + 6 + 4, count(dom, '<th scope="row">'))
    assert.are.equal(5, count(dom, '<path class="link used"'))
    assert.is_truthy(dom:find("<title>GPUs of the cluster</title>", 1, true))
    assert.is_truthy(dom:find("</svg>\n</div>", 1, true))
  end)

  it("tells what a page complains of, so that the others mean something", function()
    if not browser then
      pending("chromium is not installed; `./bootstrap test` installs it")
      return
    end
    local text = page.of((fleet.read()), { at = 0 })
    local _, complaints = open((text:gsub("<h1>", '<img src="file:///nothing.png">%0', 1)),
      { "--dump-dom" })
    assert.is_true(#complaints > 0)
  end)

  it("runs nothing that stands in a name", function()
    if not browser then
      pending("chromium is not installed; `./bootstrap test` installs it")
      return
    end
    local situation = fleet.read()
    for _, device in ipairs(situation.devices) do
      device.name, device.box, device.why = EVIL, EVIL, EVIL
    end
    local dom, complaints = open(page.of(situation, { at = 0 }), { "--dump-dom" })
    assert.are.same({}, complaints)
    assert.is_truthy(dom:find("<title>GPUs of the cluster</title>", 1, true))
    assert.are.equal(0, count(dom, "<script"))
    assert.are.equal(0, count(dom, "<img"))
  end)

  it("draws it in light and in dark", function()
    if not browser then
      pending("chromium is not installed; `./bootstrap test` installs it")
      return
    end
    local text = page.of((fleet.read()), { at = 0 })
    local pictures = {}
    for i, options in ipairs({ {}, { "--blink-settings=preferredColorScheme=0" } }) do
      local file = directory .. "/picture" .. i .. ".png"
      options[#options + 1] = "--screenshot=" .. file
      open(text, options)
      pictures[i] = fs.read(file, { max = "8MiB" })
      assert.are.equal("\137PNG", pictures[i]:sub(1, 4))
      assert.is_true(#pictures[i] > 20000) -- more than an empty page
    end
    assert.are_not.equal(pictures[1], pictures[2])
  end)
end)
