---@meta
-- WMI on one host and namespace, over WS-Management (later also COM).

wmi = {}

---@class WmiObject: table  properties by name, as plain Lua values: integers, booleans, text, lists of these, embedded objects as
-- WmiObjects; datetimes as DMTF text; references as object paths; null properties are absent. 64-bit unsigned values past 2^63-1 are
-- text. The class is in field __class, the path (where known) in __path.

---@class Wmi
local Wmi = {}

-- transport "wsman" (default on Linux). https unless `url` says http. Opens no connection yet.
---@param options { host: string?, url: string?, namespace: string?, user: string?, password: string?, auth: "basic"|"negotiate"|nil, ca: string?, insecure: boolean?, transport: string?, connect_timeout: number?, timeout: number?, max_answer: string? }
---@return Wmi
function wmi.open(options) end

-- Another namespace of the same host over the same connection.
---@param namespace string "root/cimv2"
---@return Wmi
function Wmi:namespace(namespace) end

---@return { vendor: string?, version: string?, protocol: string? }
function Wmi:identify() end

---@param wql string SELECT ... or ASSOCIATORS OF {...}
---@return WmiObject[]
function Wmi:query(wql) end

-- Raises WMI_NOT_FOUND.
---@param path string Class.Key="value",...
---@return WmiObject
function Wmi:get(path) end

-- As get, nil when there is none.
---@return WmiObject?
function Wmi:find(path) end

-- Calls a method; a job that it starts is followed to its end (disable with wait = false). Raises WMI_METHOD_FAILED,
-- WMI_JOB_FAILED, WMI_JOB_LOST, WMI_JOB_TIMEOUT and the transport's failures.
---@param path string
---@param method string
---@param arguments table? by parameter name: booleans, integers, text, lists of these, wmi.value/ref/instance/null
---@param options { timeout: number?, wait: boolean? }?
---@return WmiObject outputs with ReturnValue
function Wmi:call(path, method, arguments, options) end

function Wmi:close() end

-- A value with a CIM type ("uint16", "datetime", ...), for embedded instances, where the type must be said.
function wmi.value(type, value) end
-- A reference parameter.
---@param path string
function wmi.ref(path) end
-- An embedded instance, sent as CIM-XML text.
---@param class string
---@param properties table name -> value; types of well-known properties need not be said
function wmi.instance(class, properties) end
-- A parameter that is sent as null.
wmi.null = nil
-- Text for use between single quotes in WQL.
---@return string
function wmi.quote(text) end
-- Object path from a class and its keys.
---@param keys table
---@return string
function wmi.path(class, keys) end

return wmi
