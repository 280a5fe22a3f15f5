---@meta
-- WMI on one host and namespace, over WS-Management or, on Windows, COM.

wmi = {}

---@class WmiObject: table  properties by name, as plain Lua values: integers, booleans, text, lists of these, embedded objects as
-- WmiObjects; datetimes as DMTF text; references as object paths; null properties are absent. 64-bit unsigned values past 2^63-1 are
-- text. The class is in field __class, the path (where known) in __path.

---@class Wmi
local Wmi = {}

-- transport "wsman" (default with host or url); on Windows also "local" (COM on this machine, as the running user; default without
-- host and url) and "dcom" (COM to host, as the running user or as user with password, "DOMAIN\\user"). COM takes no url, auth, ca,
-- insecure. For WS-Management, host: name or address, also with a port ("host:5986", "[::1]:5986"); url: a whole address instead of it.
-- auth: "negotiate" (the default where it is known who one is: Kerberos, and NTLM where Kerberos does not know account or host), "kerberos" or
-- "ntlm" alone, "basic", "none". Who one is: user ("user@REALM", "DOMAIN\\user") with password, or a keytab (a file; user: one of its accounts),
-- or ticket = true (the ticket that is there); on Windows with auth "negotiate" and none of these the running account. Messages are encrypted
-- over http, and bound to the certificate over https. A host is reached by https (5986) where a port 5986, ca, insecure or auth "basic" says
-- so, else by http (5985). host_name: the host as its domain knows it, where host or url has an address instead. "basic" over http to another computer needs allow_unencrypted = true. timeout: of one request (60 s); a query with all its answers and a
-- method with its job may take 300 s. Opens no connection yet.
---@param options { host: string?, url: string?, namespace: string?, user: string?, password: string?, auth: "negotiate"|"kerberos"|"ntlm"|"basic"|"none"|nil, host_name: string?, keytab: string?, ticket: boolean?, allow_unencrypted: boolean?, ca: string?, insecure: boolean?, transport: string?, connect_timeout: number?, timeout: number?, max_answer: string? }
---@return Wmi
function wmi.open(options) end

-- The transports that this program has: "wsman", on Windows also "local" and "dcom".
---@return string[]
function wmi.transports() end

-- What an error number means (WBEM_E_*, ERROR_WSMAN_*, Windows), over any transport: code, whether it passes by itself, whether a
-- method may have been carried out all the same. nil: not a number that is known.
---@param number integer
---@return string? code, boolean? transient, boolean? maybe_executed
function wmi.meaning(number) end

-- The same of a page that came instead of a SOAP envelope, by its HTTP status.
---@param http integer
---@return string code, boolean transient, boolean maybe_executed
function wmi.page(http) end

-- Another namespace of the same host over the same connection.
---@param namespace string "root/cimv2"
---@return Wmi
function Wmi:namespace(namespace) end

-- security: how we proved who we are, and what protects the messages, in words for people.
---@return { vendor: string?, version: string?, protocol: string?, security: string? }
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
-- WMI_JOB_FAILED, WMI_JOB_LOST, WMI_JOB_TIMEOUT and the transport's failures. Where the method itself answered, the failure's `details`
-- are its outputs. After a job they have JobState, JobErrorCode, JobErrorDescription and JobErrors (list of Msvm_Error; also after a job
-- that completed with warnings). The call is sent once, whatever happens: maybe_executed tells that its answer was not seen.
-- Plain values are sent as what they are in Lua; references, datetimes and embedded instances must be made with the functions below.
---@param path string
---@param method string
---@param arguments table? by parameter name: booleans, integers, text, lists of these, wmi.value/ref/instance/null
---@param options { timeout: number?, wait: boolean? }? timeout: of the call and its job together, default 300
---@return WmiObject outputs with ReturnValue
function Wmi:call(path, method, arguments, options) end

function Wmi:close() end

-- A value with a CIM type ("uint16", "datetime", ...), for embedded instances, where the type must be said. value: a scalar, a list of such, or
-- wmi.null. Datetimes in DMTF or ISO 8601 form.
function wmi.value(type, value) end
-- A reference parameter.
---@param path string
function wmi.ref(path) end
-- An embedded instance, sent as CIM-XML text. A WmiObject will do as properties. A number in a property whose type is not known is an error
-- that asks for wmi.value.
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
