---@meta
-- Plug and play devices of one host, through Win32_PnPEntity (docs/facts/hyperv-wmi.md#3).

pnp = {}

---@class PnpDevice
---@field id string          instance id, PCI\VEN_10DE&DEV_1F08&...\...
---@field name string?
---@field class string?      PNPClass, "Display"
---@field manufacturer string?
---@field vendor string?     "10de", from the hardware ids
---@field device string?     "1f08"
---@field subclass string?   PCI class "0300" from the hardware ids
---@field location string?   first location path, PCIROOT(..)...
---@field locations string[]
---@field status "ok"|"disabled"|"error"|"absent"
---@field problem integer    ConfigManagerErrorCode; 0 fine, 22 disabled, 45 absent
---@field dismounted boolean PCIP\... : the host has given it up for assignment

---@class Pnp
local Pnp = {}

-- On a connection to root/cimv2 of the host (shared, not taken).
---@param connection Wmi
---@return Pnp
function pnp.open(connection) end

-- PCI devices (PCI\ and PCIP\). Texts of the filter compare without case. Location paths cost one request for each device that is left:
-- filter, or say locations = false. absent: also those that are not there.
---@param filter { class: string?, manufacturer: string?, vendor: string?, device: string?, location: string?, id: string?, locations: boolean?, absent: boolean? }?
---@return PnpDevice[]
function Pnp:devices(filter) end
-- Disables the driver, lasting. False when it is disabled already. Raises PNP_NOT_FOUND (also when it is absent), PNP_FAILED.
---@return boolean changed, boolean reboot_needed
function Pnp:disable(id) end
-- False when it is not disabled, whatever else its problem is.
---@return boolean changed, boolean reboot_needed
function Pnp:enable(id) end
-- Has the node look for new devices, and does not wait for what it finds (pnputil /scan-devices through Win32_Process.Create: unverified
-- on real hosts). Raises PNP_FAILED.
function Pnp:rescan() end
function Pnp:close() end

return pnp
