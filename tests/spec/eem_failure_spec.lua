-- The module `eem` when ExpEther Manager refuses, answers nonsense, or not at all.
local loop = require("loop")
local peers = require("support.eem_peer")
local process = require("process")
local scheduler = require("core.scheduler")

local ID, CONNECTED, ok, one, copy = peers.ID, peers.CONNECTED, peers.ok, peers.one, peers.copy

describe("eem", function()
  local fake = peers.new()
  local serve, open, client, fails, requests =
    fake.serve, fake.open, fake.client, fake.fails, fake.requests

  before_each(fake.reset)
  after_each(fake.close)

  describe("authentication", function()
    local function header(options)
      client({ any = ok({ version_number = "1" }) }, options):version()
      return requests[#requests].headers.authorization
    end

    it("sends nothing, user and password, or a ready text, at once", function()
      assert.is_nil(header({}))
      assert.equal("Basic YWRtaW46Z2VoZWlt", header({ user = "admin", password = "geheim" }))
      assert.equal("Basic YWRtaW46Z2VoZWlt", header({ auth = "encoded",
        password = "YWRtaW46Z2VoZWlt" }))
      assert.is_nil(header({ auth = "none", user = "admin", password = "geheim" }))
      assert.equal(4, #requests)
    end)

    it("that is refused is EEM_AUTH, without the password in any text", function()
      for _, status in ipairs({ 401, 403 }) do
        local handle = client({ any = { status = status, body = '{"code":"40100"}' } },
          { user = "admin", password = "geheim" })
        local raised = fails("EEM_AUTH", handle, "version")
        assert.equal(status, raised.http)
        assert.not_matches("geheim", tostring(raised), 1, true)
      end
    end)
  end)

  describe("errors", function()
    local function refusal(answer)
      return client({ ["GET /eem/devices/" .. ID] = one(CONNECTED), any = answer })
    end

    it("of EEM carry its words", function()
      local handle = refusal({ status = 400, body = '{"code":"40011","message":"bad\\nstate"}' })
      local raised = fails("EEM_REFUSED", handle, "disconnect", ID)
      assert.matches("code 40011: bad\\nstate", raised.message, 1, true)
      assert.matches("look at it again", raised.hint)
      assert.equal(400, raised.http)
      assert.equal(ID, raised.target)
      assert.is_nil(raised.maybe_executed)
    end)

    it("of EEM are understood without words", function()
      for _, body in ipairs({ "", "<html><h1>HTTP Status 409</h1></html>", "[]", "7", "null",
        '{"code":', '{"code":[1],"message":{}}', '{"code":40900}' }) do
        fails("EEM_REFUSED", refusal({ status = 409, body = body }), "disconnect", ID)
        assert.equal(500, fails("EEM_SERVER", refusal({ status = 500, body = body }), "version")
          .http)
      end
      assert.is_true(fails("EEM_SERVER", refusal({ status = 503 }), "disconnect", ID)
        .maybe_executed)
    end)

    it("name answers that are not ExpEther Manager's", function()
      local bad = {
        { body = "<html>login</html>", headers = { ["Content-Type"] = "text/html" } },
        { body = '{"device":{"id":"0x12","sta' }, { body = "" }, { status = 204 }, { body = "[]" },
        { body = "{}" }, { body = "17" }, { body = '{"devices":{}}' }, { body = '{"device":[]}' },
        { body = '{"device":{"id":12}}' }, { status = 302, headers = { Location = "/x" } },
        { status = 202, body = "{}" },
      }
      for _, answer in ipairs(bad) do
        local handle = client({ any = answer })
        fails("EEM_BAD_ANSWER", handle, "device", ID)
        fails("EEM_BAD_ANSWER", handle, "connect", ID, 50)
        fails("EEM_BAD_ANSWER", handle, "version")
      end
      local raised = fails("EEM_BAD_ANSWER", client({ any = bad[1] }), "version")
      assert.matches("text/html", raised.message, 1, true)
      assert.matches("line 1, column 1", raised.message, 1, true)
      assert.is_nil(raised.maybe_executed)
      for _, body in ipairs({ "{}", '{"devices":{}}', '{"devices":{"a":1}}', '{"devices":[1]}',
        '{"devices":[null,1]}', '{"devices":[{"id":"x"}]}', '{"devices":"none"}' }) do
        fails("EEM_BAD_ANSWER", client({ any = { body = body } }), "devices")
      end
    end)

    it("name an HTML page after a change, which may have happened", function()
      local handle = refusal({ body = "<html></html>" })
      assert.is_true(fails("EEM_BAD_ANSWER", handle, "disconnect", ID).maybe_executed)
    end)

    it("stop a huge answer while it comes in", function()
      local huge = ("x"):rep(100 * 1024 * 1024)
      local handle = client({ any = function() return { body = huge } end },
        { max_answer = "64KiB" })
      local before = loop.now()
      local raised = fails("EEM_TOO_LARGE", handle, "devices")
      assert.matches("65536 bytes", raised.message, 1, true)
      assert.is_true(loop.now() - before < 5)
    end)

    it("read an answer of several megabytes", function()
      local devices = {}
      for i = 1, 5000 do
        devices[i] = copy(CONNECTED, { id = ("0x%012x"):format(i) })
      end
      assert.equal(5000, #client({ any = ok({ devices = devices }) }):devices())
    end)

    it("tell a slow answer from a missing one", function()
      local handle = client({ any = function() scheduler.sleep(10) end }, { timeout = 0.05 })
      local before = loop.now()
      assert.is_nil(fails("EEM_TIMEOUT", handle, "version").maybe_executed)
      assert.is_true(fails("EEM_TIMEOUT", handle, "audit", ID).maybe_executed)
      assert.is_true(loop.now() - before < 5)
    end)

    it("respect the deadline of the task", function()
      local handle = client({ any = function() scheduler.sleep(10) end })
      local before = loop.now()
      local done, raised = scheduler.until_time(loop.now() + 0.05, handle.version, handle)
      assert.is_false(done)
      assert.equal("EEM_TIMEOUT", raised.code)
      assert.is_true(loop.now() - before < 5)
    end)

    it("say that nobody listens, and that nothing was changed", function()
      local url, server = serve({})
      server:close()
      local raised = fails("EEM_UNREACHABLE", open(url), "connect", ID, 50)
      assert.is_nil(raised.maybe_executed)
      assert.matches("no connection to ExpEther Manager at http://127.0.0.1", raised.message, 1,
        true)
      assert.equal(ID, raised.target)
      assert.equal(url, fails("EEM_UNREACHABLE", open(url), "version").target)
      assert.is_nil(fails("EEM_UNREACHABLE", open(url), "audit", ID).maybe_executed)
    end)

    it("say that the connection broke off", function()
      local handle = client({ any = function(request) request.close() end })
      fails("EEM_UNREACHABLE", handle, "version")
      handle = client({ any = { body = '{"version_number":"1"}', truncate = 5 } })
      fails("EEM_UNREACHABLE", handle, "version")
    end)

    it("do not follow a redirect", function()
      local other = serve({ any = ok({ version_number = "1" }) })
      local handle = client({ any = { status = 307, headers = { Location = other } } })
      fails("EEM_BAD_ANSWER", handle, "version")
      assert.equal(1, #requests)
    end)
  end)

  describe("from a hostile server", function()
    local peer

    -- Sends `first`, then `rest` for ever, or ends when there is none. Every few milliseconds when
    -- `slowly`. (Perl belongs to every Debian; the module httpd cannot be this rude.)
    local function rude(options, first, rest, slowly)
      peer = process.start({ "perl", "-MIO::Socket::INET", "-e", [[
        my ($first, $rest, $slowly) = @ARGV;
        $SIG{PIPE} = "IGNORE"; $| = 1;
        my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
        print $server->sockport, "\n";
        while (my $client = $server->accept) {
          while (<$client>) { last if /^\r?$/ }
          print $client $first; $client->flush;
          while (length $rest and print $client $slowly ? $rest : $rest x 1000) {
            $client->flush; select(undef, undef, undef, 0.005) if $slowly;
          }
        }]], first, rest or "", slowly and "1" or "", stdout = "pipe" })
      local port = assert(peer:read_line({ timeout = 10 }))
      return open("http://127.0.0.1:" .. port .. "/eem", options)
    end

    after_each(function()
      peer:kill("KILL")
      peer:wait(10)
      peer:close()
    end)

    it("an endless body of unknown length is stopped", function()
      local handle = rude({ max_answer = "64KiB" }, "HTTP/1.1 200 OK\r\n\r\n", "[0,1],")
      fails("EEM_TOO_LARGE", handle, "devices")
    end)

    it("endless header lines are stopped", function()
      fails("EEM_TOO_LARGE", rude({}, "HTTP/1.1 200 OK\r\n", "X-Line: more\r\n"), "version")
    end)

    it("an answer that drips is given up in time", function()
      local before = loop.now()
      local handle = rude({ timeout = 0.05 }, "HTTP/1.1 200 OK\r\n\r\n", "1", true)
      fails("EEM_TIMEOUT", handle, "version")
      assert.is_true(loop.now() - before < 5)
    end)

    it("what is not HTTP counts as no answer", function()
      fails("EEM_UNREACHABLE", rude({}, "220 mail.example\r\n"), "version")
    end)

    it("half a chunk counts as no answer", function()
      fails("EEM_UNREACHABLE", rude({}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" ..
        "40\r\n{\"version"), "version")
    end)
  end)
end)
