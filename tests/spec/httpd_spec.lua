local http = require("http")
local httpd = require("httpd")
local process = require("process")
local scheduler = require("core.scheduler")

describe("httpd", function()
  local servers, clients

  local function listen(handler, options)
    options = options or {}
    options.handler = handler
    local server = httpd.listen(options)
    servers[#servers + 1] = server
    return server, ("%s://127.0.0.1:%d"):format(options.key and "https" or "http", server:port())
  end

  local function open(options)
    local client = http.open(options)
    clients[#clients + 1] = client
    return client
  end

  before_each(function()
    servers, clients = {}, {}
  end)

  after_each(function()
    for _, client in ipairs(clients) do
      client:close()
    end
    for _, server in ipairs(servers) do
      server:close()
    end
  end)

  it("gives the handler method, decoded path, query, lower-case headers and body", function()
    local seen
    local _, url = listen(function(request)
      seen = request
      return { status = 201, body = "made" }
    end)
    local answer = open():request("PUT", url .. "/a%20b/c?x=1&y=%26&z", {
      headers = { ["X-Thing"] = "Value" }, body = "text\0with zero" })
    assert.are.equal(201, answer.status)
    assert.are.equal("made", answer.body)
    assert.are.equal("PUT", seen.method)
    assert.are.equal("/a b/c", seen.path)
    assert.are.same({ x = "1", y = "&", z = "" }, seen.query)
    assert.are.equal("Value", seen.headers["x-thing"])
    assert.are.equal("text\0with zero", seen.body)
    assert.is_false(seen.secure)
  end)

  it("sends the headers of the answer", function()
    local _, url = listen(function()
      return { status = 401, headers = { ["WWW-Authenticate"] = 'Basic realm="x"',
        ["Content-Type"] = "text/plain" }, body = "no" }
    end)
    local seen = process.run({ "curl", "-si", url, timeout = 10 })
    assert.are.equal(0, seen.code)
    assert.matches("^HTTP/1.1 401 ", seen.stdout)
    assert.matches('\r\nWWW%-Authenticate: Basic realm="x"\r\n', seen.stdout)
    assert.matches("\r\n\r\nno$", seen.stdout)
  end)

  it("serves one request while another handler waits", function()
    local finish = false
    local _, url = listen(function(request)
      if request.path == "/finish" then
        finish = true
      end
      while not finish do
        scheduler.sleep(0.002)
      end
      return { body = request.path }
    end)
    local client = open()
    local slow = scheduler.spawn(function()
      return client:request("GET", url .. "/slow").body
    end)
    scheduler.sleep(0.01)
    assert.is_false(slow.done)
    assert.are.equal("/finish", client:request("GET", url .. "/finish").body)
    assert.are.same({ true, "/slow" }, { scheduler.join(slow) })
  end)

  it("keeps the connection alive between requests", function()
    local _, url = listen(function()
      return { body = "x" }
    end)
    local curl = { "curl", "-s", "-w", "%{num_connects} ", url, url, url, timeout = 10 }
    local seen = process.run(curl)
    assert.are.equal("x1 x0 x0 ", seen.stdout)
  end)

  it("answers 500 with the error when the handler fails, and goes on serving", function()
    local bad = true
    local _, url = listen(function()
      return bad and { status = "wrong" } or { body = "fine" }
    end)
    local client = open()
    local answer = client:request("GET", url)
    assert.are.equal(500, answer.status)
    assert.matches("status must be a whole number", answer.body)
    bad = false
    assert.are.equal("fine", client:request("GET", url).body)
  end)

  it("drops the connection without an answer when the request is closed", function()
    local calls = 0
    local _, url = listen(function(request)
      calls = calls + 1
      request.close()
      assert.has_no.errors(request.close)
      return nil
    end)
    local answer, why = open():request("PUT", url, { body = "x" })
    assert.is_nil(answer)
    assert.are.equal("broken", why)
    assert.are.equal(1, calls)
  end)

  it("breaks an answer off in the middle", function()
    local _, url = listen(function()
      return { body = ("x"):rep(1000), truncate = 100 }
    end)
    local seen = process.run({ "curl", "-s", url, timeout = 10 })
    assert.are.equal(18, seen.code) -- CURLE_PARTIAL_FILE
    assert.are.equal(100, #seen.stdout)
  end)

  it("sends more than it holds in memory", function()
    local _, url = listen(function()
      return { body = "{}", pad = 5000000 }
    end)
    assert.are.equal(5000002, #open():request("GET", url).body)
    local _, why = open({ max_answer = "1MiB" }):request("GET", url)
    assert.are.equal("too large", why)
  end)

  it("refuses a body beyond max_body and takes one of exactly that size", function()
    local _, url = listen(function(request)
      return { body = tostring(#request.body) }
    end, { max_body = "64KiB" })
    local client = open()
    assert.are.equal("65536", client:request("PUT", url, { body = ("x"):rep(65536) }).body)
    assert.are.equal(413, client:request("PUT", url, { body = ("x"):rep(65537) }).status)
  end)

  it("frees its port at once and drops open connections when closed", function()
    local waiting = false
    local server, url = listen(function()
      waiting = true
      scheduler.sleep(0.05)
      return { body = "late" }
    end)
    local client = open()
    local task = scheduler.spawn(function()
      local _, why = client:request("GET", url)
      return why
    end)
    while not waiting do
      scheduler.sleep(0.002)
    end
    local port = server:port()
    server:close()
    assert.has_no.errors(function()
      server:close()
    end)
    local _, why = open():request("GET", url)
    assert.are.equal("unreachable", why)
    assert.are.same({ true, "broken" }, { scheduler.join(task) })
    local _, again = listen(function()
      return { body = "again" }
    end, { port = port })
    assert.are.equal(url, again)
    assert.are.equal("again", client:request("GET", url).body)
    scheduler.sleep(0.05) -- the abandoned handler ends; its answer goes nowhere
  end)

  it("runs several servers in one process", function()
    local _, first = listen(function()
      return { body = "first" }
    end)
    local _, second = listen(function()
      return { body = "second" }
    end)
    local client = open()
    assert.are.equal("first", client:request("GET", first).body)
    assert.are.equal("second", client:request("GET", second).body)
  end)

  it("says why it cannot listen", function()
    local server = listen(function() end)
    local ok, err = pcall(httpd.listen, { port = server:port(), handler = function() end })
    assert.is_false(ok)
    assert.are.equal("HTTPD_FAILED", err.code)
    assert.matches("in use", err.message)
    assert.has_error(function()
      httpd.listen({ handler = function() end, certificate = "x" })
    end)
  end)

  it("speaks TLS when it is given certificate and key", function()
    local directory = os.tmpname()
    os.remove(directory)
    local made = process.run({ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
      "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", directory .. ".key", "-out",
      directory .. ".crt", "-days", "1", "-subj", "/CN=127.0.0.1", "-addext",
      "subjectAltName=IP:127.0.0.1", timeout = 20 })
    assert.are.equal(0, made.code, made.stderr)
    local function read(path)
      local file = assert(io.open(path))
      local text = file:read("a")
      file:close()
      return text
    end
    local _, url = listen(function(request)
      return { body = request.secure and "secure" or "open" }
    end, { certificate = read(directory .. ".crt"), key = read(directory .. ".key") })
    assert.are.equal("secure", open({ ca = directory .. ".crt" }):request("GET", url).body)
    local _, why = open():request("GET", url)
    assert.are.equal("tls", why)
    os.remove(directory .. ".key")
    os.remove(directory .. ".crt")
  end)
end)
