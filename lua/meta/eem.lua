---@meta
-- NEC ExpEther Manager over its REST API (docs/facts/ecx-eem.md#3).

eem = {}

---@class EemDevice
---@field id string          "0x8cdf9d911c60", lower case
---@field kind "board"|"io"|nil  server board (eesv) or slot of an I/O box (eeio); nil when EEM says something else
---@field group_id integer?  16..4092 in a group, 4093 free I/O pool, 4094 board without a group
---@field free boolean       group_id is 4093 (io) or 4094 (board); false also when EEM tells no group
---@field type string?       "10g", "40g", ...; anything EEM says
---@field power "on"|"off"|nil
---@field model string?
---@field serial string?
---@field mac string?
---@field reachable boolean? any "up" in notification_status0/1; nil when EEM tells neither
---@field enabled boolean?   admin and monitoring enabled; nil when EEM tells neither
---@field update_time string?
---@field link "up"|"down"|"unknown" io: judged from every field of section 3.5 that is there: eesv connection, board MAC not zero,
---                          any path up, PCIe up; "unknown" when none of them is there. board: link_status0/1
---@field link_detail table  the single words (up, down, unknown), as far as they are there. io: board_connection, path, pcie,
---                          board; board: link
---@field board string?      io: id of the board it is linked to ("0x..." from eesv_mac_address), nil when zeros or absent
---@field vendor string?     io: "10de" (trusted only for type 40g); never a requirement
---@field device string?     io: "1f08"
---@field class string?      io: six hex digits, "030000" (EEM writes "0x30000"); a bridge class may hide a GPU
---@field max_devices integer? board: max_eeio_count
---@field ports table?       board: list of { port=, up=boolean?, device="0x.."|nil }

-- Every verb raises: EEM_UNREACHABLE, EEM_TIMEOUT, EEM_TLS, EEM_AUTH, EEM_NOT_FOUND, EEM_REFUSED, EEM_SERVER, EEM_BAD_ANSWER,
-- EEM_TOO_LARGE; with http (status) where there was an answer, target (id or address), and maybe_executed where a change went out
-- and its outcome was not seen. Nothing that changes is ever sent twice.
---@class Eem
local Eem = {}

-- Opens no connection yet. auth: "none", "basic" (default when user is given), "encoded" (password is ready base64).
-- Seconds: timeout of one request (30), connect_timeout (5); max_answer "8MiB"; ca: PEM file.
-- https verifies unless insecure = true. Raises on misuse only.
---@param options { url: string, user: string?, password: string?, auth: string?, ca: string?, insecure: boolean?, connect_timeout: number?, timeout: number?, max_answer: string? }
---@return Eem
function eem.open(options) end

-- GET /api_version.
---@return string version
function Eem:version() end

-- GET /devices/detail, or /devices with detail = false (then id only).
---@param filter { status: "board"|"io"|nil, group_id: integer?, detail: boolean? }?
---@return EemDevice[]
function Eem:devices(filter) end

-- GET /devices/{id}. Raises EEM_NOT_FOUND.
---@return EemDevice
function Eem:device(id) end

-- As device, nil when EEM does not know the id. Raises EEM_NOT_FOUND when the 404 is not EEM's (a wrong address).
---@return EemDevice?
function Eem:find_device(id) end

-- PUT /devices/{id}/group_id. Does nothing where it is already so (one GET before). One bare PUT: whether the device was free is
-- the step's business, which looks before and reads back after. group_id nil: EEM chooses (boards only).
---@param id string
---@param group_id integer? 16..4092
---@return boolean changed
function Eem:connect(id, group_id) end

-- DELETE /devices/{id}/group_id: the device goes to the free pool. Does nothing where it is free.
---@return boolean changed
function Eem:disconnect(id) end

-- PUT /devices/{id}/audit: EEM reads the hardware again.
function Eem:audit(id) end

-- Closing twice is harmless; requests under way end by themselves.
function Eem:close() end

return eem
