-- A fake ExpEther Manager for the specs of the module `eem`: an HTTP server in this process that
-- answers what each test tells it to.
--
--   local peer = require("support.eem_peer").new()
--   before_each(peer.reset)
--   after_each(peer.close)
--   local url = peer.serve({ ["GET /eem/devices/0x..."] = M.one(M.CONNECTED) })
local eem = require("eem")
local failure = require("failure")
local httpd = require("httpd")
local json = require("json")

local M = {}

M.ID = "0x8cdf9d911c60"
M.BOARD_MAC = "8c:df:9d:91:22:b6"

-- A free slot with a card behind its own PCIe switch, as dumped from real hardware (fact sheet
-- ecx-eem, 3.3); what the dump does not tell is left out.
M.FREE_SLOT = {
  id = "0x8cdf9d9122b6", status = "eeio", group_id = "4093", type = "40g", ee_version = "v1.0",
  link_status0 = "up", link_status1 = "up", path_status0 = "down", path_status1 = "down",
  eesv_connection_status = "down", eesv_mac_address = "00:00:00:00:00:00",
  pcie_connection_status = "up", pcie_vendor_id = "0x10b5", pcie_device_id = "0x8732",
  pcie_class_code = "0x60400", model = "EE I/O Expansion Unit (40G)-4S",
  notification_status0 = { "up", "down" }, notification_status1 = { "up", "down" },
}

function M.copy(device, changes)
  local result = {}
  for key, value in pairs(device) do
    result[key] = value
  end
  for key, value in pairs(changes) do
    result[key] = value
  end
  return result
end

M.CONNECTED = M.copy(M.FREE_SLOT, {
  id = M.ID, group_id = "50", path_status1 = "up", eesv_connection_status = "up",
  eesv_mac_address = M.BOARD_MAC, admin_status = "enabled", monitoring_status = "enabled",
  power_status = "on", serial_number = "0123", mac_address = "8c:df:9d:91:1c:60",
  update_time = "1700000000000", pcie_vendor_id = "0x10de", pcie_device_id = "0x1f08",
  pcie_class_code = "0x30000",
})

function M.ok(value)
  return { body = json.encode(value), headers = { ["Content-Type"] = "application/json" } }
end

function M.one(device)
  return M.ok({ device = device, timestamp = "1700000000000" })
end

-- What was asked is in `peer.requests`, in its order; the table stays the same one.
function M.new()
  local servers, handles, requests = {}, {}, {}
  local peer = { requests = requests }

  -- Serves `answers`: "METHOD path" -> answer, or a function that gives one. What was asked goes to
  -- `requests`. Returns the base address.
  function peer.serve(answers, options)
    options = options or {}
    options.handler = function(request)
      local query = {}
      for name, value in pairs(request.query) do
        query[#query + 1] = name .. "=" .. value
      end
      table.sort(query)
      local what = request.method .. " " .. request.path
      requests[#requests + 1] = { what = what, query = table.concat(query, "&"),
        body = request.body, headers = request.headers }
      local answer = answers[what] or answers.any
      if type(answer) == "function" then
        return answer(request)
      end
      return answer or { status = 404, body = '{"code":"40400","message":"no such resource"}' }
    end
    local server = httpd.listen(options)
    servers[#servers + 1] = server
    return ("%s://127.0.0.1:%d/eem"):format(options.key and "https" or "http", server:port()),
      server
  end

  function peer.open(url, options)
    options = options or {}
    options.url = url
    local handle = eem.open(options)
    handles[#handles + 1] = handle
    return handle
  end

  function peer.client(answers, options)
    return peer.open(peer.serve(answers), options)
  end

  function peer.asked()
    local list = {}
    for i, request in ipairs(requests) do
      list[i] = request.what .. (request.query ~= "" and "?" .. request.query or "")
    end
    return list
  end

  -- The failure object that the call raises; it has this code.
  function peer.fails(code, handle, verb, ...)
    local done, raised = pcall(handle[verb], handle, ...)
    assert(not done, "no failure was raised")
    assert(failure.is(raised), "not a failure object: " .. tostring(raised))
    assert(raised.code == code, tostring(raised))
    assert(raised.transient == failure.codes[code].transient, "transient: " .. tostring(raised))
    return raised
  end

  local function close_all(list)
    for i = #list, 1, -1 do
      list[i]:close()
      list[i] = nil
    end
  end

  function peer.close()
    close_all(handles)
    close_all(servers)
  end

  function peer.reset()
    peer.close()
    for i = #requests, 1, -1 do
      requests[i] = nil
    end
  end

  return peer
end

return M
