local certificate = require("failover.safety.certificate")
local digest = require("digest")
local fs = require("fs")
local process = require("process")

describe("digest.sha256", function()
  it("gives the values of the standard", function()
    local vectors = {
      [""] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"] =
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      [("a"):rep(1000000)] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    }
    for text, hash in pairs(vectors) do
      assert.equal(hash, digest.sha256(text))
    end
  end)

  it("pads texts of every length around a block", function()
    local seen = {}
    for length = 50, 130 do
      local hash = digest.sha256(("x"):rep(length))
      assert.equal(64, #hash)
      assert.is_nil(seen[hash])
      seen[hash] = true
    end
  end)
end)

describe("a certificate", function()
  local directory, root, state
  before_each(function()
    directory = process.run({ "mktemp", "-d", timeout = 10 }).stdout:match("%S+")
    root, state = directory .. "/lua", directory .. "/state"
    fs.make_directory(root .. "/failover/steps")
    fs.make_directory(state)
    fs.write(root .. "/failover/init.lua", "return 1\n")
    fs.write(root .. "/failover/steps/vm.lua", "return 2\n")
  end)

  after_each(function()
    process.run({ "rm", "-r", directory, timeout = 10 })
  end)

  it("is missing before anything was certified", function()
    assert.equal("none", (certificate.check(state, { root })))
    assert.is_nil(certificate.apply("warn", state, { root }))
    assert.has_error(function()
      certificate.apply("refuse", state, { root })
    end)
  end)

  it("knows the files it was made for", function()
    certificate.write(state, { root }, { single_faults = 1 })
    assert.equal("certified", (certificate.check(state, { root })))
    assert.is_nil(certificate.apply("refuse", state, { root }))
  end)

  it("names files that were edited, added or taken away", function()
    certificate.write(state, { root }, {})
    fs.write(root .. "/failover/steps/vm.lua", "return 3\n")
    fs.write(root .. "/failover/steps/new.lua", "return 4\n")
    fs.remove(root .. "/failover/init.lua")
    local verdict, different = certificate.check(state, { root })
    assert.equal("changed", verdict)
    assert.same({ "failover/init.lua", "failover/steps/new.lua", "failover/steps/vm.lua" },
      different)
    local warning = certificate.apply("warn", state, { root })
    assert.truthy(warning:find("failover/steps/vm.lua", 1, true))
    assert.has_error(function()
      certificate.apply("refuse", state, { root })
    end)
  end)

  it("sees an edit that an earlier root lays over a file", function()
    certificate.write(state, { root }, {})
    local over = root .. "-over"
    fs.make_directory(over .. "/failover/steps")
    fs.write(over .. "/failover/steps/vm.lua", "return 5\n")
    local verdict, different = certificate.check(state, { over, root })
    assert.equal("changed", verdict)
    assert.same({ "failover/steps/vm.lua" }, different)
  end)

  it("gives the certified copy back, unless that was touched", function()
    certificate.write(state, { root }, {})
    fs.write(root .. "/failover/steps/vm.lua", "return 3\n")
    local loaded, path = {}, package.path
    for name, module in pairs(package.loaded) do
      loaded[name] = module
    end
    local warning = certificate.apply("fall back", state, { root })
    local found = package.searchpath("failover.steps.vm", package.path)
    package.path = path
    for name, module in pairs(loaded) do
      package.loaded[name] = module
    end
    assert.truthy(warning:find("certified copy", 1, true))
    assert.equal("return 2\n", fs.read(found))
    fs.write(state .. "/certified/failover/steps/vm.lua", "return 6\n")
    assert.has_error(function()
      certificate.use_copy(state)
    end)
  end)
end)
