-- What Windows' problem codes of a device say (Win32_PnPEntity.ConfigManagerErrorCode, as Microsoft
-- documents them), in words and with what to do, for the cards of a failover.
local M = {}

-- Codes that are no fault of a card: fine, its driver disabled (as it must be before it is
-- dismounted), and not there any more.
local none = { [0] = true, [22] = true, [24] = true, [45] = true }

local words = {
  [1] = { "it is not configured", "install its driver" },
  [3] = { "its driver may be corrupted, or memory is low", "install its driver again" },
  [9] = { "the firmware reports it wrongly", "update the firmware of the server and the card" },
  [10] = { "it cannot start", "look at its driver and at the I/O box; power the box off and on" },
  [12] = { "there are not enough free resources for it (address space)",
    "enable Above 4G Decoding in the server's BIOS, or reserve more for hot plug; restart" },
  [14] = { "it works only after the server has restarted", "restart this node" },
  [16] = { "its resources cannot all be identified", "give them in Device Manager, or restart" },
  [18] = { "its driver must be installed again", "install its driver again" },
  [19] = { "its entry in the registry is damaged", "uninstall the device and scan again" },
  [21] = { "Windows is removing it", "wait some seconds, then scan again" },
  [28] = { "its driver is not installed", "a card can be assigned all the same" },
  [29] = { "the firmware has disabled it", "enable it in the server's BIOS" },
  [31] = { "Windows cannot load the drivers that it needs", "update its driver" },
  [32] = { "the service of its driver is disabled", "enable the service of its driver" },
  [37] = { "its driver failed to initialise", "install its driver again" },
  [38] = { "an earlier instance of its driver is still loaded", "restart this node" },
  [39] = { "its driver is corrupted or missing", "install its driver again" },
  [43] = { "it has reported a fault itself, and Windows has stopped it",
    "power the I/O box off and on; if that does not help, the card is broken" },
  [47] = { "it is prepared for removal", "scan for devices again, or plug it in anew" },
  [48] = { "its driver is blocked", "get a newer driver" },
  [49] = { "the registry is full", "uninstall devices that are not there any more" },
  [52] = { "its driver is not signed", "get a signed driver" },
  [54] = { "it has failed and is being reset", "wait; then restart this node" },
}

-- "problem code 12: ...", and what to do; nil for what is no fault.
---@param code integer?
---@return string? text, string? remedy
function M.explain(code)
  if not code or none[code] then
    return nil
  end
  local known = words[code] or { "Windows reports a problem", "look at it in Device Manager" }
  return ("problem code %d: %s"):format(code, known[1]), known[2]
end

-- The same of the worst of a card's functions, with its name.
---@param devices PnpDevice[]
---@return string? text, string? remedy
function M.of_devices(devices)
  for _, device in ipairs(devices or {}) do
    local text, remedy = M.explain(not device.dismounted and device.problem)
    if text then
      return ("%s has %s"):format(device.name or device.id, text), remedy
    end
  end
end

return M
