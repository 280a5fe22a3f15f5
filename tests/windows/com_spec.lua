-- WMI through COM, with the real takeover.exe under Wine (tests/windows/com prepares it): Wine's
-- own WMI, then the lab behind the test provider. This file runs in the program for Linux, which
-- also has the lab.
local exe = require("tests.windows.exe")
local fs = require("fs")
local json = require("json")
local process = require("process")
local scheduler = require("core.scheduler")
local site_module = require("support.site")

local com, failed, PROGRAM = exe.com, exe.failed, exe.PROGRAM
local HERE = assert(os.getenv("PWD"), "PWD is not set")

local VM = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42"
local VM_PATH = 'Msvm_ComputerSystem.CreationClassName="Msvm_ComputerSystem",Name="' .. VM .. '"'

describe("Wine's own WMI", function()
  it("is queried, with every type as what it is", function()
    local results = com("plain", {
      { op = "open", options = { namespace = "root/cimv2" } },
      { op = "query", text = "SELECT * FROM Win32_OperatingSystem" },
      { op = "identify" },
    })
    local system = results[2].value[1]
    assert.are.equal("Win32_OperatingSystem", system.__class)
    assert.is_string(system.Caption)
    assert.is_true(system.Primary)
    assert.are.equal("integer", math.type(system.OSType)) -- uint16
    assert.are.equal("integer", math.type(system.CurrentTimeZone)) -- sint16
    assert.is_true(system.TotalVisibleMemorySize > 1000) -- uint64, which travels as text
    assert.matches("^%d+%.%d+[+-]%d+$", system.LastBootUpTime)
    assert.matches("^OS: %d", results[3].value.version)
  end)

  it("gives objects by path, and says when there is none", function()
    local results = com("plain", {
      { op = "open", options = { namespace = "root/cimv2" } },
      { op = "get", text = 'Win32_LogicalDisk.DeviceID="C:"' },
      { op = "get", text = '\\\\.\\root\\cimv2:Win32_LogicalDisk.DeviceID="C:"' },
      { op = "get", text = 'Win32_LogicalDisk.DeviceID="Q:"' },
      { op = "get", text = "Win32_LogicalDisk.DeviceID=" },
    })
    assert.are.equal("C:", results[2].value.Name)
    assert.are.equal(results[2].value.__path, results[3].value.__path)
    assert.are.equal(0x80041002, failed(results[4], "WMI_NOT_FOUND").hresult)
    failed(results[5], "WMI_BAD_PARAMETER")
  end)

  it("executes methods by their signatures", function()
    local key = [[Software\Microsoft\Windows NT\CurrentVersion]]
    local function read(arguments)
      return { op = "call", text = "StdRegProv", method = "GetStringValue", arguments = arguments }
    end
    local results = com("plain", {
      { op = "open", options = { namespace = "root/default" } },
      read({ hDefKey = -2147483646, sSubKeyName = key, sValueName = "ProductName" }),
      read({ hDefKey = -2147483646, sSubKeyName = "No\\Such", sValueName = "Nothing" }),
      read({ hDefKey = "many", sSubKeyName = key, sValueName = "ProductName" }),
      read({ hDefKey = -2147483646, sSubKeyName = key, Zork = true }),
      { op = "call", text = "StdRegProv", method = "GetNothing" },
      { op = "call", text = "\\\\.\\root\\cimv2:Win32_Process", method = "GetNothing" },
    })
    assert.are.equal(0, results[2].value.ReturnValue)
    assert.matches("Windows", results[2].value.sValue)
    failed(results[3], "WMI_METHOD_FAILED")
    failed(results[4], "WMI_BAD_PARAMETER", "hDefKey")
    failed(results[5], "WMI_BAD_PARAMETER", "Zork")
    failed(results[6], "WMI_BAD_PARAMETER", "GetNothing")
    failed(results[7], "WMI_BAD_PARAMETER", "GetNothing")
  end)

  it("tells wrong queries, classes, namespaces and hosts apart", function()
    local results = com("plain", {
      { op = "open", options = { namespace = "root/cimv2" } },
      { op = "query", text = "SELEC nonsense" },
      { op = "namespace", text = "root/nothing" },
      { op = "query", text = "SELECT * FROM Win32_Process" },
      { op = "open" },
      { op = "query", text = "SELECT * FROM Msvm_ComputerSystem" },
      { op = "open", options = { transport = "dcom", host = "no-such-host" } },
      { op = "query", text = "SELECT * FROM Msvm_ComputerSystem" },
    })
    failed(results[2], "WMI_BAD_QUERY", "0x80041017")
    failed(results[4], "WMI_BAD_CLASS", "root/nothing")
    failed(results[6], "WMI_BAD_CLASS", "Hyper-V")
    assert.is_true(failed(results[8], "WMI_UNREACHABLE", "no-such-host").transient)
  end)

  it("refuses options of WS-Management, and users for this machine", function()
    local results = com("plain", {
      { op = "open", options = { transport = "local", host = "ms1" } },
      { op = "open", options = { transport = "local", user = "u", password = "p" } },
      { op = "open", options = { transport = "local", insecure = true } },
      { op = "open", options = { transport = "dcom" } },
      { op = "open", options = { transport = "dcom", host = "ms1", auth = "basic" } },
      { op = "open", options = { transport = "dcom", host = "ms1:135" } },
    })
    for i, piece in ipairs({ "takes no host", "takes no user", "takes no insecure", "is not a host",
      "takes no auth", "is not a host" }) do
      assert.is_false(results[i].ok)
      site_module.contains(results[i].message, piece)
    end
  end)
end)

describe("the lab behind COM", function()
  local site
  local controls = 0

  -- Writes what the provider does on a node; returns the environment of its processes.
  local function control(node, more)
    local lines = {
      "local=" .. node, "user=" .. site_module.USER, "password=" .. site_module.PASSWORD,
      "signatures=" .. HERE .. "/build/windows/signatures.txt",
      "counts=" .. site.directory .. "/" .. node .. ".counts",
    }
    for name, of in pairs(site.lab.nodes) do
      lines[#lines + 1] = ("node.%s=%s"):format(name, of.url)
    end
    for _, line in ipairs(more or {}) do
      lines[#lines + 1] = line
    end
    controls = controls + 1 -- several may be in use at a time
    local path = site:write(("%s-%d.control"):format(node, controls),
      table.concat(lines, "\n") .. "\n")
    return { TAKEOVER_PROVIDER = path, TAKEOVER_SECRET_LAB = site_module.PASSWORD }
  end

  local function counts(node)
    local result = {}
    local text = fs.read(site.directory .. "/" .. node .. ".counts")
    for key, number in text:gmatch("(%l+)=(-?%d+)") do
      result[key] = tonumber(number)
    end
    return result
  end

  local function through_com()
    site:parameters({
      wmi = ('user = "%s", password = secret "lab", auth = "basic", transport = "local"'):format(
        site_module.USER),
    })
  end

  setup(function()
    site_module.PROGRAM = PROGRAM
    site = site_module.open({ latency = 0 })
    through_com()
  end)

  teardown(function()
    site:close()
  end)

  before_each(function()
    site:reset({ latency = 0 })
    site.admin:clear_faults()
  end)

  describe("with a provider that", function()
    local SELECT = "SELECT * FROM Msvm_ComputerSystem"
    local SHORT = { timeout = 1, connect_timeout = 1 }

    -- The result of one operation on a connection that is there.
    local function one(more, operation, options)
      local results = com("ms1", { { op = "open", options = options or {} }, operation },
        control("ms1", more))
      return results[2]
    end

    it("lacks rights says so", function()
      failed(one({ "fail.connect=0x80070005" }, { op = "query", text = SELECT }), "WMI_ACCESS",
        "administrator")
      failed(one({ "fail.query=0x80041003" }, { op = "query", text = SELECT }), "WMI_ACCESS",
        "administrator")
    end)

    it("belongs to a service that does not run says so", function()
      local r = failed(one({ "fail.connect=0x80070422" }, { op = "query", text = SELECT }),
        "WMI_UNREACHABLE", "winmgmt")
      assert.is_true(r.transient)
    end)

    it("has no such namespace says so", function()
      local results = com("ms1", { { op = "open", options = { namespace = "root/other" } },
        { op = "query", text = SELECT } }, control("ms1"))
      failed(results[2], "WMI_BAD_CLASS", "root/other")
    end)

    it("lacks the class or property that is asked for says so", function()
      failed(one(nil, { op = "query", text = "SELECT Nothing FROM Msvm_ComputerSystem" }),
        "WMI_BAD_QUERY", "Nothing")
      failed(one(nil, { op = "query", text = "SELECT * FROM Msvm_Nothing" }), "WMI_BAD_CLASS",
        "Msvm_Nothing")
      failed(one(nil, { op = "call", text = "Msvm_Nothing.Name=\"a\"", method = "Go" }),
        "WMI_NOT_FOUND")
    end)

    it("cannot be reached says so, and whether something may have happened", function()
      local r = failed(one({ "fail.query=0x800706BA" }, { op = "query", text = SELECT }),
        "WMI_UNREACHABLE", "0x800706BA")
      assert.is_true(r.transient)
      local start = { op = "call", text = VM_PATH, method = "RequestStateChange",
        arguments = { RequestedState = 2 } }
      assert.is_falsy(failed(one({ "fail.method=0x800706BA" }, start),
        "WMI_UNREACHABLE").maybe_executed)
      assert.is_true(failed(one({ "fail.method=0x800706BE" }, start),
        "WMI_UNREACHABLE").maybe_executed)
      assert.is_true(failed(one({ "fail.output=0x800706BA" }, start),
        "WMI_UNREACHABLE").maybe_executed)
    end)

    it("says why is quoted", function()
      failed(one({ "fail.query=0x80041001", "fail.text=the provider has a cold" },
        { op = "query", text = SELECT }), "WMI_FAULT", "the provider has a cold")
    end)

    it("never answers is left in its time, wherever it hangs", function()
      local start = { op = "call", text = VM_PATH, method = "RequestStateChange",
        arguments = { RequestedState = 2 } }
      local tasks = {}
      for where, operation in pairs({
        connect = { op = "query", text = SELECT }, query = { op = "query", text = SELECT },
        next = { op = "query", text = SELECT }, get = { op = "get", text = VM_PATH },
        class = start, result = start, method = start, output = start,
      }) do
        tasks[#tasks + 1] = scheduler.spawn(function()
          local r = failed(one({ "hang." .. where .. "=1" }, operation, SHORT), "WMI_TIMEOUT")
          assert.is_true(r.took > 0.9 and r.took < 3, ("%s: %.1f s"):format(where, r.took))
          local unknown = where == "method" or where == "output"
          assert.are.equal(unknown, r.maybe_executed or false, where)
        end)
      end
      for _, task in ipairs(tasks) do
        assert(scheduler.join(task))
      end
    end)

    it("answers slowly is waited for, and left at the deadline of the task", function()
      local r = one({ "slow.next=300" }, { op = "query", text = SELECT })
      assert.are.equal(2, #r.value)
      r = one({ "hang.next=1" }, { op = "query", text = SELECT, within = 0.5 })
      assert.is_true(failed(r, "WMI_TIMEOUT").took < 1.5)
    end)

    it("is slow is left when the run is asked to stop, but for methods", function()
      local r = failed(one({ "hang.next=1" }, { op = "query", text = SELECT, cancel = 0.3 }),
        "CANCELLED")
      assert.is_true(r.took < 2, ("%.1f s"):format(r.took))
      r = failed(one({ "hang.connect=1" }, { op = "query", text = SELECT, cancel = 0.3 }),
        "CANCELLED")
      assert.is_true(r.took < 2, ("%.1f s"):format(r.took))
      r = failed(one({ "hang.output=1" }, { op = "call", text = VM_PATH, cancel = 0.2,
        method = "RequestStateChange", arguments = { RequestedState = 2 } }, SHORT),
        "WMI_TIMEOUT")
      assert.is_true(r.maybe_executed and r.took > 0.9)
    end)

    it("is on another host takes a user and password, and refuses wrong ones", function()
      local function ask(user, password)
        return one({ "login=DOMAIN\\admin:right" }, { op = "query", text = SELECT },
          { transport = "dcom", host = "ms1", user = user, password = password })
      end
      assert.are.equal(2, #ask("DOMAIN\\admin", "right").value)
      failed(ask("DOMAIN\\admin", "wrong"), "WMI_ACCESS", "ms1")
      failed(ask("other", "right"), "WMI_ACCESS", "ms1")
    end)

    it("is asked again over a new connection when the old one broke", function()
      local results = com("ms1", {
        { op = "open" }, { op = "query", text = SELECT }, { op = "query", text = SELECT },
      }, control("ms1", { "fail.next=0x80010108", "fail.skip=1" }))
      assert.is_true(results[2].ok)
      failed(results[3], "WMI_UNREACHABLE") -- the new one breaks, too
      assert.are.equal(2, counts("ms1").connect)
    end)
  end)

  describe("instances in parameters", function()
    local SERVICE = 'Msvm_VirtualSystemManagementService.CreationClassName='
      .. '"Msvm_VirtualSystemManagementService"'
    local ID = "Microsoft:" .. VM
    local SELECT = "SELECT * FROM Msvm_VirtualSystemSettingData WHERE InstanceID = '" .. ID .. "'"

    -- What ModifySystemSettings gives for an instance with these properties, and the settings after
    -- it.
    local function modify(properties, more, wine)
      local instance = { __class = "Msvm_VirtualSystemSettingData", InstanceID = ID }
      for name, value in pairs(properties) do
        instance[name] = value
      end
      local results = com(wine or "ms1", {
        { op = "open" },
        { op = "call", text = SERVICE, method = "ModifySystemSettings",
          arguments = { SystemSettings = instance } },
        { op = "query", text = SELECT }, { op = "close" },
      }, control("ms1", more))
      return results[2], results[3].value[1], counts("ms1")
    end

    local EVERY_TYPE = {
      Notes = { 'a <b> & "c" ü' }, HighMmioGapSize = 33280, GuestControlledCacheTypes = true,
      AutomaticStartupAction = 2,
    }

    local function changed(result, settings)
      assert.is_true(result.ok, result.message)
      for name, value in pairs(EVERY_TYPE) do
        assert.are.same(value, settings[name], name)
      end
    end

    it("are written by WMI itself", function()
      local result, settings, made = modify(EVERY_TYPE)
      changed(result, settings)
      assert.are.equal(1, made.text)
      assert.are.equal(2, made.class) -- of the service and of the settings
      assert.are.equal(0, made.live)
    end)

    it("are written with instances inside", function()
      local inner = { __class = "Msvm_KvpExchangeDataItem", Name = "a", Data = "<b>" }
      local result, settings, made = modify({ Notes = inner })
      assert.is_true(result.ok, result.message)
      site_module.contains(settings.Notes[1], '<INSTANCE CLASSNAME="Msvm_KvpExchangeDataItem">')
      site_module.contains(settings.Notes[1], "<VALUE>&lt;b&gt;</VALUE>")
      assert.are.same({ 2, 0 }, { made.text, made.live })
    end)

    it("are written by the program where WMI's writer is not there", function()
      local result, settings, made = modify(EVERY_TYPE, nil, "bare")
      changed(result, settings)
      assert.are.equal(0, made.text)
    end)

    -- Values of the class for new instances are the caller's to send, and he did not; the lab
    -- refuses a Caption, which is read-only.
    it("tell nothing but what was given", function()
      local class = "default.Msvm_VirtualSystemSettingData."
      local _, before = modify({ AutomaticStartupAction = 2 })
      local result, after = modify({ AutomaticShutdownAction = 3 },
        { class .. "Caption=Virtual Machine Settings", class .. "AutomaticStartupAction=4" })
      assert.is_true(result.ok, result.message)
      assert.are.same({ 2, before.Caption, 3 }, { after.AutomaticStartupAction, after.Caption,
        after.AutomaticShutdownAction })
    end)

    it("must be what their classes say", function()
      local r = failed(modify({ Colour = "red" }), "WMI_BAD_PARAMETER",
        "Msvm_VirtualSystemSettingData has no property Colour")
      assert.is_falsy(r.maybe_executed)
      failed(modify({ Caption = { "one", "two" } }), "WMI_BAD_PARAMETER",
        "Msvm_VirtualSystemSettingData.Caption takes one value, not 2")
      failed(modify({ __class = "Msvm_NoSettingData" }), "WMI_BAD_CLASS", "Msvm_NoSettingData")
      assert.are.equal(0, counts("ms1").method)
    end)

    it("that WMI cannot write are not sent", function()
      failed(modify({}, { "fail.gettext=0x80041001", "fail.text=the writer has no ink" }),
        "WMI_FAULT", "the writer has no ink")
      local made = counts("ms1")
      assert.are.same({ 0, 0 }, { made.method, made.live })
    end)
  end)

  -- A command of takeover.exe on a node.
  local function run(arguments, node, env)
    local all = control(node)
    for name, value in pairs(env or {}) do
      all[name] = value
    end
    -- /tmp is open to everybody, which a program for Windows sees as well
    table.insert(arguments, "--trust-writable-files")
    return site:run(arguments, { node = node, env = all })
  end

  local function succeeds(result)
    assert.are.equal(0, result.code, result.stderr .. result.stdout)
    return result
  end

  local function running_on(node)
    local truth = site.admin:truth()
    assert.are.equal(node, table.concat(site:vm(truth).running, " "))
    assert.are.same({}, truth.violations)
    return truth
  end

  describe("one node", function()
    it("starts, monitors, stops, recovers and checks", function()
      succeeds(run({ "start", "vme2" }, "ms1"))
      local gpu = site:gpu(running_on("ms1"))
      assert.are.equal("ms1", gpu.node)
      succeeds(run({ "monitor", "vme2" }, "ms1"))
      succeeds(run({ "stop", "vme2" }, "ms1"))
      assert.are.equal("free", site:gpu(running_on("")).state)
      succeeds(run({ "recover", "vme2" }, "ms1"))
      succeeds(run({ "check", "vme2" }, "ms1"))
      assert.are.equal(0, counts("ms1").live)
    end)

    -- COM's own are ConnectServer for each namespace, the definition of each class whose methods
    -- are called or of which an instance is sent, and a Next for each query. What waits for
    -- something to become true asks as often as there is time, so that the number of looks varies
    -- over either transport.
    it("asks as often as over WS-Management", function()
      local function start()
        site:reset({ latency = 0, vms = { vme2 = { registered = json.array({}) } } })
        local before = site.admin:requests().nodes.ms1
        succeeds(run({ "start", "vme2" }, "ms1"))
        local all, looks = site.admin:requests(), 0
        local changes = {}
        for name, number in pairs(all.calls.ms1) do
          if name == "Enumerate" or name == "Get" then
            looks = looks + number
          elseif name ~= "calls" then
            changes[name] = number
          end
        end
        return all.nodes.ms1 - before, looks, changes
      end
      site:parameters({})
      local _, looks_over_wsman, changes_over_wsman = start()
      through_com()
      local requests, looks, changes = start()
      local made = counts("ms1")
      assert.are.same(changes_over_wsman, changes)
      assert.is_true(math.abs(looks - looks_over_wsman) <= looks_over_wsman // 2,
        ("%d looks over COM, %d over WS-Management"):format(looks, looks_over_wsman))
      assert.are.equal(requests, made.query + made.get + made.method)
      assert.are.equal(2, made.connect)
      assert.is_true(made.class <= 9, made.class .. " definitions of classes")
      assert.is_true(made.text >= 3, made.text .. " instances written")
      -- on a busy machine an answer may come after the slice of time in which it is waited for
      assert.is_true(made.next <= 2 * made.query, made.next .. " times Next")
    end)
  end)

  describe("two nodes", function()
    local UNKNOWN = { vme2 = { registered = json.array({}) } }

    before_each(function()
      site:reset({ latency = { link = 0.01, unlink = 0.01, enumerate = 0.01, dismount = 0.01,
        mount = 0.01, list_lag = 0.01, assign = 0.01, remove = 0.01, modify = 0.01, import = 0.01,
        validate = 0.01, realize = 0.01, destroy = 0.01, export = 0.01, start = 0.01,
        turn_off = 0.01, boot = 0.02, shutdown = 0.01, node_boot = 0.05 }, vms = UNKNOWN })
    end)

    -- Starts on ms1 and kills it, with -9, when its n-th method is called.
    local function kill_start_at(n, effect)
      local rule = site.admin:fault({ target = "ms1", match = { verb = "Invoke", nth = n },
        effect = effect, seconds = 600 })
      local child = site:start({ "start", "vme2", "--trust-writable-files" },
        { node = "ms1", env = control("ms1") })
      local ended
      site_module.wait_until(function()
        ended = child:wait(0)
        return ended or site:seen(rule) >= n
      end)
      child:kill("KILL")
      local result = ended or child:wait(10)
      child:close()
      site.admin:clear_faults()
      return result.signal == 9
    end

    it("take over from one another when the first dies in the middle", function()
      for _, n in ipairs({ 2, 5, 8, 11 }) do
        site:reset({ vms = UNKNOWN })
        assert.is_true(kill_start_at(n, "delay after"), "call " .. n .. " is never made")
        site.admin:power("ms1", "off")
        site.admin:give_disk("ms2")
        succeeds(run({ "start", "vme2" }, "ms2", { CLP_EVENT = "FAILOVER" }))
        local truth = running_on("ms2")
        assert.are.equal("ms2", site:gpu(truth).node)
        assert.is_true(site:vm(truth).booted)
        succeeds(run({ "monitor", "vme2" }, "ms2"))
        site.admin:power("ms1", "on")
        site_module.wait_until(function()
          return run({ "recover", "vme2" }, "ms1").code == 0
        end, 10)
        running_on("ms2")
        succeeds(run({ "stop", "vme2" }, "ms2"))
        running_on("")
      end
    end)

    it("complete what was killed when the same node starts again", function()
      for _, n in ipairs({ 3, 6, 9 }) do
        site:reset({ vms = UNKNOWN })
        assert.is_true(kill_start_at(n, "delay"), "call " .. n .. " is never made")
        succeeds(run({ "start", "vme2", "--wait", "0" }, "ms1"))
        running_on("ms1")
      end
    end)
  end)

  -- All of it: TAKEOVER_COM_SECONDS=3600 tests/windows/com --name "again and again"
  it("leaves nothing behind, started and stopped again and again", function()
    local most = tonumber(os.getenv("TAKEOVER_COM_CYCLES") or 1000)
    local seconds = tonumber(os.getenv("TAKEOVER_COM_SECONDS") or 25)
    local env = control("ms1")
    env.TAKEOVER_WINE, env.OANOCACHE = "ms1", "1"
    local child = process.start({ PROGRAM, "run", "tests/windows/com_cycles.lua",
      site.directory .. "/parameters.lua", "ms1", tostring(most), tostring(seconds),
      site.directory .. "/ms1.counts", env = env, stdout = "pipe", stderr = "inherit" })
    local seen = {}
    local function next_line()
      return child:read_line({ timeout = 60 })
    end
    for line in next_line do
      local one = {}
      for key, number in line:gmatch("(%l+)=(-?%d+)") do
        one[key] = tonumber(number)
      end
      local file = io.open(("/proc/%d/status"):format(child:pid())) -- Windows' numbers are 0 here
      one.kib = file and tonumber(file:read("a"):match("VmRSS:%s+(%d+)"))
      if file then
        file:close()
      end
      seen[#seen + 1] = one
    end
    local ended = child:wait(10)
    assert.are.equal(0, ended and ended.code)
    if os.getenv("TAKEOVER_COM_SECONDS") then
      print(#seen .. " cycles")
    end
    assert.is_true(#seen >= 10, #seen .. " cycles")
    for i, one in ipairs(seen) do
      assert.are.equal(0, one.live, "objects of COM after cycle " .. i)
    end
    -- The first cycles fill what is kept for good; the last one may have ended before its look.
    local early, late = seen[#seen // 4 + 1], seen[#seen - 1]
    local told = ("%d cycles; blocks of COM's allocator %d, %d; KiB %d, %d; of Lua %d, %d"):format(
      #seen, early.blocks, late.blocks, early.kib, late.kib, early.lua,
      late.lua)
    print(told)
    assert.is_true(late.blocks <= early.blocks + 2, told)
    assert.is_true(late.kib <= early.kib + 1024, told)
    assert.is_true(late.lua <= early.lua + 64, told)
    site:reset({ latency = 0 })
  end)
end)
