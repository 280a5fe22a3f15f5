-- examples/guest/publish-gpu.sh on a real pool file: its own records, under the lock that
-- hv_kvp_daemon takes, and nobody else's.
local folder = require("cli.folder")
local fs = require("fs")
local process = require("process")
local site = require("support.site")

local SCRIPT = "examples/guest/publish-gpu.sh"
local KEY, VALUE = 512, 2048

-- Takes the lock, says so, then does as the daemon: it puts a record in front of all others while
-- it has the lock, which whoever had looked before would overwrite.
local HOLDER = [[
use Fcntl; $| = 1; open(my $pool, "+<", $ARGV[0]) or die; binmode($pool);
my $lock = pack("s s x![l!] l! l! i", F_WRLCK, 0, 0, 0, 0) . "\0" x 64;
fcntl($pool, F_SETLKW, $lock) or die;
print "locked\n"; select(undef, undef, undef, 0.01) until -e $ARGV[1];
local $/; my $all = <$pool>; seek($pool, 0, 0);
print $pool pack("a512 a2048", "daemon", "was here") . $all; close($pool);
]]

local directory, pool

before_each(function()
  directory = folder.temporary()
  pool = directory .. "/pool"
  fs.make_directory(directory .. "/pci/0000:01:00.0/driver")
  fs.write(directory .. "/pci/0000:01:00.0/class", "0x030000\n")
  fs.make_directory(directory .. "/pci/0000:02:00.0/driver")
  fs.write(directory .. "/pci/0000:02:00.0/class", "0x020000\n")
end)

after_each(function()
  folder.remove(directory)
end)

local function environment()
  return { KVP_POOL = pool, PCI_DEVICES = directory .. "/pci", KVP_LOCKED = false }
end

local function publish(path)
  local env = environment()
  env.PATH = path
  local result = process.run({ "/bin/sh", SCRIPT, env = env })
  assert.are.equal("", result.stderr)
  assert.are.equal(0, result.code)
end

local function pad(text, size)
  return text .. ("\0"):rep(size - #text)
end

local function record(key, value)
  return pad(key, KEY) .. pad(value, VALUE)
end

-- The pool as a list of { key, value }.
local function records()
  local text, list = fs.read(pool), {}
  assert.are.equal(0, #text % (KEY + VALUE))
  for at = 1, #text, KEY + VALUE do
    list[#list + 1] = {
      text:sub(at, at + KEY - 1):match("^[^\0]*"), text:sub(at + KEY, at + KEY + VALUE - 1)
        :match("^[^\0]*"),
    }
  end
  return list
end

local function value_of(key)
  for _, one in ipairs(records()) do
    if one[1] == key then
      return one[2]
    end
  end
end

describe("the guest's publisher", function()
  it("makes the pool, tells when it wrote, and counts its writings", function()
    publish()
    assert.are.same({ "ok", "1", "1" }, { value_of("gpu.status"), value_of("gpu.count"),
      value_of("gpu.writes") })
    local up = tonumber(fs.read("/proc/uptime"):match("^[%d.]+"))
    local told = tonumber(value_of("gpu.uptime"))
    assert.is_true(told <= up and told >= up - 60)
    folder.remove(directory .. "/pci/0000:01:00.0/driver")
    publish()
    assert.are.same({ "error", "0", "2" }, { value_of("gpu.status"), value_of("gpu.count"),
      value_of("gpu.writes") })
    assert.are.equal(4, #records())
  end)

  it("replaces its own records in their place, and leaves every other one", function()
    local others = { record("gpu.status2", "other"), record("sensor", ("x"):rep(VALUE - 1)),
      record("gpu", "short") }
    fs.write(pool, others[1] .. record("gpu.status", "a much longer word of before") .. others[2]
      .. record("gpu.writes", "41") .. others[3])
    publish()
    local list = records()
    assert.are.same({ "gpu.status", "ok" }, list[2])
    assert.are.same({ "gpu.writes", "42" }, list[4])
    assert.are.equal(7, #list)
    local text, size = fs.read(pool), KEY + VALUE
    for i, other in pairs({ [1] = others[1], [3] = others[2], [5] = others[3] }) do
      assert.are.equal(other, text:sub((i - 1) * size + 1, i * size))
    end
  end)

  it("waits for the lock of the daemon, and looks only then", function()
    publish()
    local holder = process.start({ "perl", "-e", HOLDER, pool, directory .. "/go",
      stdout = "pipe" })
    assert.are.equal("locked", holder:read_line())
    local waiting = environment()
    local publisher = process.start({ "/bin/sh", SCRIPT, env = waiting })
    assert.is_truthy(site.wait_until(function()
      return fs.read("/proc/locks"):find("-> [^\n]* " .. publisher:pid() .. " ")
    end))
    fs.write(directory .. "/go", "")
    assert.are.equal(0, holder:wait().code)
    assert.are.equal(0, publisher:wait().code)
    local list = records()
    assert.are.same({ "daemon", "was here" }, list[1])
    assert.are.same({ "gpu.status", "ok" }, list[2])
    assert.are.same({ "gpu.writes", "2" }, list[5])
    assert.are.equal(5, #list)
  end)
end)
