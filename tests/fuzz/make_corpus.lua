-- Makes the corpus of the fuzz targets from recordings: the real program moves a virtual machine
-- in a lab, and what went over the wire is kept, next to seeds by hand. Run once in a while:
--
--   build/dev/takeover --system-modules run tests/fuzz/make_corpus.lua
--
-- It adds and replaces its own files (recorded-*, seed-*); those named after a finding stay.
local digest = require("digest")
local folder = require("cli.folder")
local fs = require("fs")
local process = require("process")

local CORPUS = "tests/fuzz/corpus/"
local MOST, LONGEST = 12, 12000 -- files of a target, bytes of one

local seen, counts = {}, {}
local function keep(target, kind, text)
  local hash = digest.sha256(text):sub(1, 12)
  counts[target] = counts[target] or 0
  if #text > 0 and #text <= LONGEST and counts[target] < MOST and not seen[target .. hash] then
    seen[target .. hash], counts[target] = true, counts[target] + 1
    fs.make_directory(CORPUS .. target)
    fs.write(CORPUS .. target .. "/" .. kind .. "-" .. hash, text)
  end
end

---- recorded --------------------------------------------------------------------------------------

-- Answers that look alike teach nothing: the sequence of their elements is what counts.
local shapes = {}
local function is_new(target, text)
  local shape = target .. text:gsub("[^<]*<(/?[%w:]*)[^>]*>", "%1 "):sub(1, 2000)
  local known = shapes[shape]
  shapes[shape] = true
  return not known
end

local function unescaped(text)
  return (text:gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&quot;", '"'):gsub("&apos;", "'")
    :gsub("&#10;", "\n"):gsub("&amp;", "&"))
end

local function keep_wsman(request, answer)
  if is_new("answer", answer.body) then
    keep("wsman", "recorded", answer.body)
    keep("xml", "recorded", answer.body)
    keep("xml_lua", "recorded", answer.body)
  end
  if is_new("request", request.body) then
    keep("lab_wsman", "recorded", request.body)
  end
  for filter in request.body:gmatch("<w:Filter[^>]*>(.-)</w:Filter>") do
    keep("wql", "recorded", unescaped(filter))
  end
  for _, body in ipairs({ request.body, answer.body }) do
    for instance in body:gmatch("&lt;INSTANCE.-&lt;/INSTANCE&gt;") do
      local text = unescaped(instance)
      if is_new("instance", text) then
        keep("cimxml", "recorded", text)
        keep("cimxml_lua", "recorded", text)
      end
    end
    for path in body:gmatch("[%w_]+%.[%w_]+=&quot;[^<]+") do
      keep("cimpath", "recorded", unescaped(path))
    end
    for time in body:gmatch("<cim:%a+>([^<]+)</cim:%a+>") do
      keep("datetime", "recorded", time)
    end
  end
end

local function keep_eem(request, answer)
  local query = {}
  for name, value in pairs(request.query) do
    query[#query + 1] = name .. "=" .. value
  end
  keep("lab_eem", "recorded", ("%s %s%s\n%s"):format(request.method, request.path,
    #query > 0 and "?" .. table.concat(query, "&") or "", request.body))
  keep("eem", "recorded", answer.body or "")
  keep("json_lua", "recorded", answer.body or "")
  keep("json", "recorded", answer.body or "")
end

local function listen(face, record)
  local handle = face.handle
  function face:handle(request)
    local answer = handle(self, request)
    record(request, answer)
    return answer
  end
end

local lab = require("lab.server").start({ latency = 0 })
listen(lab.eem_face, keep_eem)
for _, node in pairs(lab.nodes) do
  listen(node.face, keep_wsman)
end

local state = folder.temporary()
local parameters = ([[
return {
  eem = { url = "%s", auth = "none" },
  nodes = {
    ms1 = { group_id = 50, wmi = { url = "%s" } }, ms2 = { group_id = 150, wmi = { url = "%s" } },
  },
  devices = { ["0x8cdf9d911c60"] = { name = "gpu1", vendor = "10de", device = "1f08" } },
  vms = { vme2 = {
    path = [=[G:\Hyper-V\vme2]=], gpus = { { id = "0x8cdf9d911c60" } },
    mmio = { low = "3GiB", high = "33280MiB" },
  } },
}
]]):format(lab.eem_url, lab.nodes.ms1.url, lab.nodes.ms2.url)
fs.write(state .. "/parameters.lua", parameters)
local program = require("loop").executable()
for _, words in ipairs({ "prepare vme2", "start vme2", "status", "gpu list", "monitor vme2",
  "stop vme2", "check", "recover vme2" }) do
  local arguments = { program, "--state", state, "--node", "ms1", "--parameters",
    state .. "/parameters.lua" }
  for word in words:gmatch("%S+") do
    arguments[#arguments + 1] = word
  end
  print(words, process.run(arguments).code)
end
lab:close()

-- The journal of these runs, without what is free in it, in the smallest pages.
process.run({ "sqlite3", state .. "/journal.db", "PRAGMA journal_mode=DELETE; DELETE FROM calls "
  .. "WHERE id > 5; DELETE FROM steps WHERE id > 9; UPDATE runs SET host = 'ms1', "
  .. "arguments = '{}', environment = '{}', pid = 1; PRAGMA page_size=512; VACUUM;" })
local journal = fs.read(state .. "/journal.db")
print("journal", #journal)
fs.make_directory(CORPUS .. "journal")
fs.write(CORPUS .. "journal/recorded-whole", journal)
fs.write(CORPUS .. "journal/recorded-cut", journal:sub(1, 3000))
folder.remove(state)

---- by hand ---------------------------------------------------------------------------------------

local function sealed(protocol, length, sealed_text)
  local body, kind = require("seal").write_frame(protocol, length, ("t"):rep(60), sealed_text)
  return kind .. "\n" .. body
end

local seeds = {
  seal = {
    sealed("SPNEGO", 5, "DATA!"), sealed("Kerberos", 3, "--Encrypted Boundary--\r\n"),
    (sealed("SPNEGO", 1, "x"):gsub("%-%-Encrypted", "-- Encrypted"):gsub("\t", "")),
  },
  certificate = {
    fs.read("tests/fixtures/certificates/rsa-sha256.pem"),
    fs.read("tests/fixtures/certificates/ec-sha384.pem"), "TmVnb3RpYXRl", "TmVnb3RpYXRlIQ==",
  },
  datetime = { "20240501123456.789000+540", "00000001020304.500000:000", "P1DT2H3M4.5S",
    "2024-05-01T12:34:56.789+09:00", "PT0S", "**************.******+***", "P0Y0M1D" },
  cimpath = {
    [[\\MS1\root\virtualization\v2:Msvm_ComputerSystem.CreationClassName="a",Name="b\"c"]],
    "Win32_X=@", "A.B='c',D=5,E=TRUE", [[root/cimv2:CIM_DataFile.Name="c:\\a\\b"]] },
  outside = { "geheim-7", "a\27[31mb\u{9b}c\u{202e}d\r\n\t", "Z2VoZWltLTc=", "\xff\xfe" },
  clpstat = { " ========================  CLUSTER STATUS  ======\n  Cluster : c\n  <server>\n"
    .. "   *ms1 ............: Online\n  <group>\n    Failover-vme2 ...: Online\n"
    .. "      current        : ms1\n" },
  hostfile = { "g:/Hyper-V/vme2/", [[G:\a\..\b]], "x" },
  codepage = { "\1\x83\x65\x83\x58\x83\x67", "\0text", "\1\xf0\x40" },
  file_name = { "vme2", "../../x", "NUL", "com1", ("x"):rep(200) },
  lines = { fs.read("examples/parameters.lua") },
  parameters = { fs.read("examples/parameters.lua"), parameters,
    "local t = { a = 1 } return { eem = t, nodes = {}, vms = {}, ['x'] = 1, x = 2 }" },
  import = { "@echo off\r\nset EEMURL=http://192.168.0.150:30500/eem\r\nset GROUPID=50\r\n"
    .. "set \"VMNAME=vme2\"\r\nset VMPATH=G:\\Hyper-V\\vme2\r\nset DEVICEID=0x8cdf9d911c60\r\n"
    .. "rem x\r\nset PASSWORD=geheim\r\nset A=%B%^&c\r\n" },
  quarantine = { '[{"id":"0x8cdf9d911c60","since":1699999000,"until":1700000500,"count":2,'
    .. '"reason":"r","node":"ms1"}]', "[]", "{}" },
  drained = { '{"ms1":{"since":1700000000,"vms":["vme2"]}}', '{"files":{"failover/x.lua":"00"}}' },
  json = { '{"a":[1,2.5,1e309,-0,"\\u00e9\\ud83d\\ude00",null,true,[],{}],"a":2}', "[" },
  json_lua = { '{"a":[1,2.5,-0,"\\u00e9\\ud83d\\ude00",null,true,[],{}],"b":9007199254740993}' },
  wql = { "SELECT * FROM Msvm_ComputerSystem WHERE Name='a\\'b' AND (X > 5 OR NOT Y <> TRUE)",
    'ASSOCIATORS OF {Msvm_X.A="b"} WHERE ResultClass = Msvm_Y' },
  wsman = {
    "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body><s:Fault><s:Code>"
      .. "<s:Value>s:Sender</s:Value><s:Subcode><s:Value>w:TimedOut</s:Value></s:Subcode></s:Code>"
      .. "<s:Detail><f:WSManFault xmlns:f='f' Code='2150858793'><f:Message>m</f:Message>"
      .. "</f:WSManFault></s:Detail></s:Fault></s:Body></s:Envelope>",
    "<a><b><Interval>P1DT2H3M4.5S</Interval></b><b nil='true'/></a>",
  },
}
for target, list in pairs(seeds) do
  for _, text in ipairs(list) do
    keep(target, "seed", text)
  end
end
