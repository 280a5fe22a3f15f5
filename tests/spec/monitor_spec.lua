-- What monitor says when its host cannot be asked, over real sockets, with the real program: broken
-- is only what was seen not to be well.
local exit_codes = require("core.exit_codes")
local httpd = require("httpd")
local json = require("json")
local process = require("process")
local scheduler = require("core.scheduler")
local site = require("support.site")

local SHORT = 2 -- seconds of --timeout; the program ends a little before
local HEALTHY = 'monitor = { when_unknown = "healthy" },'

-- A port whose backlog is full, so that nobody is answered, as of a server that is dead.
local FULL = [[
use Socket;
socket(my $s, PF_INET, SOCK_STREAM, 0); bind($s, sockaddr_in(0, INADDR_LOOPBACK)); listen($s, 0);
my $name = getsockname($s);
my @kept = map {
  socket(my $c, PF_INET, SOCK_STREAM, 0); fcntl($c, 4, 2048); connect($c, $name); $c
} 1 .. 8;
$| = 1; print +(sockaddr_in($name))[0], "\n"; sleep 600;
]]

local world

before_each(function()
  world = site.open()
end)

after_each(function()
  world:close()
end)

---@return { code: integer, took: number, answer: string, reasons: string[] }
local function monitor(options)
  local began = scheduler.now()
  local arguments = { "monitor", "vme2", "--json", "--timeout", tostring(options.timeout or 20) }
  local result = world:run(arguments, options)
  local document = json.decode(result.stdout)
  document.code, document.took = result.code, scheduler.now() - began
  return document
end

local function is_unknown(document, about)
  about = about .. ": " .. table.concat(document.reasons, "\n")
  assert.are.equal("unknown", document.answer, about)
  assert.are.equal(1, #document.reasons, about)
end

local faults = {
  { effect = "error", http = 400 }, { effect = "error", http = 401 },
  { effect = "error", http = 403 }, { effect = "error", http = 404 },
  { effect = "error", http = 500 }, { effect = "error", http = 503 },
  { effect = "error", hresult = 0x80041003, text = "access denied" },
  { effect = "drop" }, { effect = "garbage" }, { effect = "html" },
  { effect = "huge", bytes = 40 * 2 ^ 20 }, { effect = "truncate" },
}

describe("a host that cannot be asked", function()
  it("is unknown whatever it says, each cause once, and 0 where the parameters say so", function()
    assert.are.equal(0, world:run({ "start", "vme2" }).code)
    assert.are.equal(0, monitor({}).code)
    for _, rule in ipairs(faults) do
      local about = rule.effect .. " " .. (rule.http or "")
      rule.target, rule.match = "ms1", {}
      world:parameters()
      local id = world.admin:request("POST", "faults", rule).id
      local document = monitor({})
      is_unknown(document, about)
      assert.are.equal(exit_codes.unknown, document.code, about)
      world:parameters({ vm = HEALTHY })
      document = monitor({})
      is_unknown(document, about)
      assert.are.equal(0, document.code, about)
      world.admin:request("DELETE", "faults?id=" .. id)
    end
    assert.are.equal(0, monitor({}).code)
  end)

  it("for which the secret is missing or wrong, or that is no https, is unknown", function()
    assert.are.equal(0, world:run({ "start", "vme2" }).code)
    local ms1 = world.lab.nodes.ms1.url
    local wrong = { { "wmi", 'user = "operator", password = secret "nobody", auth = "basic"' },
      { "wmi", 'user = "stranger", password = secret "lab", auth = "basic"' },
      { "ms1_url", (ms1:gsub("^http:", "https:")) } }
    for _, pair in ipairs(wrong) do
      world:parameters({ [pair[1]] = pair[2] })
      local document = monitor({})
      is_unknown(document, pair[2])
      assert.are.equal(exit_codes.unknown, document.code)
    end
  end)

  it("because it accepts and never answers is unknown within the time", function()
    local server = httpd.listen({ handler = function()
      scheduler.sleep(math.huge)
    end })
    local url = ("http://127.0.0.1:%d/wsman"):format(server:port())
    for code, vm in pairs({ [exit_codes.unknown] = "", [0] = HEALTHY }) do
      world:parameters({ ms1_url = url, vm = vm })
      local document = monitor({ timeout = SHORT })
      assert.are.equal("unknown", document.answer)
      assert.are.equal(code, document.code)
      assert.is_true(document.took < SHORT + 1, document.took)
    end
    server:close()
  end)

  it("because its port is silent is unknown within the time", function()
    local ok, silent = pcall(process.start, { "perl", "-e", FULL, stdout = "pipe" })
    if not ok then
      pending("there is no perl")
      return
    end
    local port = silent:read_line():match("%d+")
    for code, vm in pairs({ [exit_codes.unknown] = "", [0] = HEALTHY }) do
      world:parameters({ ms1_url = "http://127.0.0.1:" .. port .. "/wsman", vm = vm })
      local document = monitor({ timeout = SHORT })
      assert.are.equal("unknown", document.answer)
      assert.are.equal(code, document.code)
      assert.is_true(document.took < SHORT + 1, document.took)
    end
    silent:close()
  end)
end)

describe("what was seen not to be well", function()
  it("is broken, also where a part of it could not be asked", function()
    assert.are.equal(0, world:run({ "start", "vme2" }).code)
    world.admin:request("POST", "faults", {
      target = "ms1", match = { query = "~Msvm_PciExpressSettingData" }, effect = "error",
      http = 503,
    })
    world.admin:request("POST", "admin", { verb = "guest", vm = "vme2", silent = true })
    local document = monitor({})
    assert.are.equal(exit_codes.broken, document.code, table.concat(document.reasons, "; "))
    site.contains(table.concat(document.reasons, "\n"), "heartbeat: lost")
  end)
end)
