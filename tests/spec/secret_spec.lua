local fs = require("fs")
local log = require("log")
local loop = require("loop")
local process = require("process")
local secret = require("secret")

local function fails(fn, ...)
  local ok, failed = loop.guard(fn, ...)
  assert.is_false(ok)
  return failed
end

describe("secret", function()
  local directory

  before_each(function()
    directory = process.run({ "mktemp", "-d", timeout = 10 }).stdout:match("%S+")
  end)

  after_each(function()
    process.run({ "rm", "-rf", directory, timeout = 10 })
  end)

  it("is a reference in parameters, not a value", function()
    assert.same({ secret = "eem" }, secret.reference("eem"))
  end)

  it("comes from a file of its owner, without the last line end", function()
    fs.write(directory .. "/eem", "s3cret word\n", { mode = "0600" })
    local options = { directory = directory }
    assert.equal("s3cret word", secret.resolve(secret.reference("eem"), options))
    fs.write(directory .. "/eem", "s3cret word\n\r\n", { mode = "0400" })
    assert.equal("s3cret word\n", secret.resolve("eem", options))
  end)

  it("is kept out of the log once it was looked up", function()
    fs.write(directory .. "/k", "Quite-Unique-81723", { mode = "0600" })
    assert.equal("a Quite-Unique-81723", log.redact("a Quite-Unique-81723"))
    secret.resolve("k", { directory = directory })
    assert.equal("a ***", log.redact("a Quite-Unique-81723"))
  end)

  it("comes from the environment first", function()
    local host = process.run({ "readlink", "/proc/" .. loop.pid() .. "/exe", timeout = 10 })
    local program = directory .. "/program.lua"
    fs.write(directory .. "/eem.ms-1", "from the file", { mode = "0600" })
    fs.write(program, ([[print(require("secret").resolve("eem.ms-1", { directory = %q }))]])
      :format(directory))
    local function told(env)
      return process.run({
        host.stdout:match("[^\n]+"), "run", program, env = env, timeout = 20,
      }).stdout
    end
    assert.equal("from outside\n", told({ TAKEOVER_SECRET_EEM_MS_1 = "from outside" }))
    assert.equal("from the file\n", told({ TAKEOVER_SECRET_EEM_MS_1 = false }))
    assert.equal("from the file\n", told({ TAKEOVER_SECRET_EEM_MS_1 = "" }))
  end)

  it("is missing with a hint that names both places", function()
    local failed = fails(secret.resolve, "no-such.one", { directory = directory })
    assert.equal("SECRET_MISSING", failed.code)
    assert.matches("TAKEOVER_SECRET_NO_SUCH_ONE", failed.hint, 1, true)
    assert.matches(directory .. "/no-such.one", failed.hint, 1, true)
    fs.write(directory .. "/empty", "\n", { mode = "0600" })
    assert.equal("SECRET_MISSING", fails(secret.resolve, "empty", { directory = directory }).code)
  end)

  it("is refused where others can read it", function()
    for _, mode in ipairs({ "0640", "0604", "0644", "0620" }) do
      fs.write(directory .. "/eem", "word", { mode = mode })
      local failed = fails(secret.resolve, "eem", { directory = directory })
      assert.equal("SECRET_UNSAFE", failed.code)
      assert.matches(mode, failed.message, 1, true)
      assert.is_nil(tostring(failed):find("word", 1, true))
    end
  end)

  it("is refused where others can replace it", function()
    fs.write(directory .. "/eem", "word", { mode = "0600" })
    process.run({ "chmod", "0777", directory, timeout = 10 })
    assert.equal("SECRET_UNSAFE", fails(secret.resolve, "eem", { directory = directory }).code)
  end)

  it("is not read where it was encrypted on another computer", function()
    fs.write(directory .. "/eem", "takeover secret encrypted by dpapi\n\1\2", { mode = "0600" })
    local failed = fails(secret.resolve, "eem", { directory = directory })
    assert.equal("SECRET_UNREADABLE", failed.code)
    assert.matches("encrypted elsewhere (dpapi)", failed.message, 1, true)
    assert.matches("takeover secret set", failed.hint, 1, true)
  end)

  it("is stored, listed, looked up and removed", function()
    local options = { directory = directory .. "/new/deep" }
    assert.same({}, secret.list(options))
    secret.store("eem", "Some-Value-1177", options)
    assert.equal("a ***", log.redact("a Some-Value-1177"))
    assert.equal("Some-Value-1177", secret.resolve("eem", options))
    assert.same({ { name = "eem", kind = "file" } }, secret.list(options))
    assert.is_true(secret.remove("eem", options))
    assert.is_false(secret.remove("eem", options))
    assert.same({}, fs.list(options.directory))
  end)

  it("is not stored where it has a mistake, which is told without it", function()
    for _, text in ipairs({ "", "two\nlines", "zero\0byte", ("long"):rep(2000) }) do
      assert.is_string(secret.mistake(text))
      local failed = fails(secret.store, "eem", text, { directory = directory })
      assert.matches("this cannot be a secret", failed.message)
      assert.is_nil(text ~= "" and failed.message:find(text, 1, true) or nil)
    end
    assert.is_nil(secret.mistake("a word"))
    assert.same({}, fs.list(directory))
  end)

  it("has a name that cannot lead elsewhere", function()
    for _, name in ipairs({ "", "../eem", "a/b", ".hidden", "a b", "a\0b", "ä" }) do
      assert.matches("not the name of a secret", fails(secret.reference, name).message)
      assert.matches("not the name of a secret", fails(secret.resolve, name).message)
    end
    assert.has_error(function() secret.resolve({}) end)
  end)
end)
