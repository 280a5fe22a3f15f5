-- A private Kerberos domain for a spec: MIT's KDC on loopback, in a directory of its own, without
-- any right that the lane does not have.
--
--   local kdc = require("support.kdc").open()       -- nil, why: it is not installed here
--   kdc:add("operator@EXAMPLE.TEST", "password")     -- or without password: a random key
--   kdc:keytab("HTTP/localhost@EXAMPLE.TEST", "http.keytab")   -> path
--   kdc.env                                          -- of programs that belong to the domain
--   kdc:stop(), kdc:start(), kdc:close()
--
-- options: lifetime (of tickets, "10h"), config (more lines of krb5.conf's [libdefaults]).
local folder = require("cli.folder")
local fs = require("fs")
local process = require("process")

local M = {}

local Kdc = {}
Kdc.__index = Kdc

M.REALM = "EXAMPLE.TEST"
local PLACES = { "/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/" }

local function find(program)
  for _, place in ipairs(PLACES) do
    if fs.find(place .. program) then
      return place .. program
    end
  end
  return nil
end

-- Two ports in a row that nobody has: the KDC takes UDP and TCP.
local function free_port()
  local server = require("httpd").listen({ handler = function() end })
  local port = server:port()
  server:close()
  return port
end

local CONFIG = [[
[libdefaults]
  default_realm = EXAMPLE.TEST
  dns_lookup_realm = false
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  default_ccache_name = FILE:%(dir)/tickets
  %(config)
[realms]
  EXAMPLE.TEST = {
    kdc = 127.0.0.1:%(port)
  }
[domain_realm]
  localhost = EXAMPLE.TEST
  127.0.0.1 = EXAMPLE.TEST
]]

local KDC_CONFIG = [[
[kdcdefaults]
  kdc_listen = 127.0.0.1:%(port)
  kdc_tcp_listen = 127.0.0.1:%(port)
[realms]
  EXAMPLE.TEST = {
    database_name = %(dir)/principal
    key_stash_file = %(dir)/stash
    acl_file = %(dir)/acl
    max_life = %(lifetime)
    max_renewable_life = 0s
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
    default_principal_flags = +preauth
  }
[logging]
  kdc = FILE:%(dir)/kdc.log
]]

local function filled(self, text)
  return (text:gsub("%%%((%w+)%)", self.values))
end

function Kdc:run(program, ...)
  local arguments = { find(program), ... }
  arguments.env, arguments.timeout = self.env, 30
  local result = process.run(arguments)
  assert(result.code == 0, program .. ": " .. result.stdout .. result.stderr)
  return result
end

---@param options { lifetime: string?, config: string? }?
---@return table? kdc, string? why
function M.open(options)
  for _, program in ipairs({ "krb5kdc", "kdb5_util", "kadmin.local", "kinit" }) do
    if not find(program) then
      return nil, program .. " is not installed"
    end
  end
  local directory = os.tmpname()
  os.remove(directory)
  fs.make_directory(directory)
  local self = setmetatable({ directory = directory }, Kdc)
  options = options or {}
  self.values = {
    dir = directory, port = tostring(free_port()), lifetime = options.lifetime or "10h",
    config = options.config or "",
  }
  self.config = directory .. "/krb5.conf"
  fs.write(self.config, filled(self, CONFIG))
  fs.write(directory .. "/kdc.conf", filled(self, KDC_CONFIG))
  self.env = {
    KRB5_CONFIG = self.config, KRB5_KDC_PROFILE = directory .. "/kdc.conf",
    KRB5CCNAME = "FILE:" .. directory .. "/tickets", KRB5_KTNAME = "FILE:" .. directory .. "/none",
    NTLM_USER_FILE = false,
  }
  self:run("kdb5_util", "create", "-s", "-r", M.REALM, "-P", "master")
  self:start()
  return self
end

function Kdc:start()
  self.child = process.start({
    find("krb5kdc"), "-n", "-r", M.REALM, env = self.env, stdout = "pipe", stderr = "pipe",
  })
  for _ = 1, 3 do -- it says when it begins to serve
    local line = self.child:read_line({ timeout = 20, which = "stderr" })
    if not line or line:find("starting") then
      break
    end
  end
end

function Kdc:stop()
  if self.child then
    self.child:kill("TERM")
    self.child:wait(10)
    self.child:close()
    self.child = nil
  end
end

function Kdc:add(principal, password, ...)
  local key = password and ('-pw "%s"'):format(password) or "-randkey"
  self:run("kadmin.local", "-r", M.REALM, "-q",
    ("addprinc %s %s %s"):format(key, table.concat({ ... }, " "), principal))
end

-- Makes the principal where it is not there yet, with a random key. Gives the file's path.
function Kdc:keytab(principal, name)
  local path = self.directory .. "/" .. name
  self:run("kadmin.local", "-r", M.REALM, "-q",
    ("ktadd -k %s -norandkey %s"):format(path, principal))
  return path
end

-- A ticket in the cache that programs with kdc.env see.
function Kdc:ticket(principal, keytab, lifetime)
  self:run("kinit", "-k", "-t", keytab, "-l", lifetime or "10h", principal)
end

function Kdc:close()
  self:stop()
  folder.remove(self.directory)
end

return M
