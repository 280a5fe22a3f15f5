---@meta
-- The small natives: ecx, journal, process, secret, log, fs, digest, graph, json, xml, seal, httpd.

ecx = {}
-- The CLP_* variables as typed words; every field may be nil. Values that are not known come as lower-case text.
-- under_cluster: the event is one of the three, or there is an action (a script before a recovery).
---@return { event: "start"|"failover"|"recover"|string|nil, factor: string?, server: "home"|"other"|nil, disk: "success"|"failure"|nil, group: string?, resource: string?, script_path: string?, path: string?, os: string?, version: string?, previous_server: string?, priority: integer?, action: string?, last_action: string?, monitor: string?, result: string?, timing: string?, under_cluster: boolean }
function ecx.environment() end
-- Secrets are taken out, line ends become blanks, and more than 511 bytes are cut off. Commands are looked for in PATH, then in CLP_PATH/bin.
-- clplogcmd -m text -l INFO|WARN|ERR [--alert]. False where there is no clplogcmd; raises ECX_FAILED when it fails.
---@param level "info"|"warn"|"error"
---@param options { alert: boolean?, id: integer?, command: string?, timeout: number? }?
---@return boolean
function ecx.log(level, text, options) end
-- clpstat, as far as it can be read: nil where there is no clpstat.
---@param options { command: string?, timeout: number? }?
---@return { servers: table<string, string>, groups: table<string, { state: string, server: string? }>, text: string }?
function ecx.status(options) end
-- clpgrp -n group: the server that the group runs on; nil where it cannot be told.
---@return string?
function ecx.group_server(group, options) end
-- clpgrp -m group [-a server]: has EXPRESSCLUSTER move a group, to `server` where one is named (that -a means this is not verified), else by
-- its own policy; it returns when clpgrp does. False where there is no clpgrp; raises ECX_FAILED with what clpgrp says. Never from the scripts
-- of a group that it moves (fact sheet: they may wait for each other for ever). timeout: default 3600 s.
---@param options { server: string?, command: string?, timeout: number? }?
---@return boolean
function ecx.move_group(group, options) end
-- clpgrp -t group: has EXPRESSCLUSTER stop a group. As move_group.
---@param options { command: string?, timeout: number? }?
---@return boolean
function ecx.stop_group(group, options) end

journal = {}
---@class Journal
local Journal = {}
-- SQLite, crash-safe (WAL, synchronous FULL for begin_run and end_run, NORMAL between). Creates file and directories. Raises JOURNAL_FAILED
-- with a hint (disk full, read-only, not a journal, newer version).
---@param options { path: string, read_only: boolean? }
---@return Journal
function journal.open(options) end
-- Reserves room and syncs before anything is changed. The table may have: command, vm, node, version, arguments (table), environment (table).
---@return integer run
function Journal:begin_run(run) end
---@param step { name: string, branch: string?, state: string? }
---@return integer step
function Journal:begin_step(run, step) end
-- state: "already", "done", "undone", "failed", "skipped", "planned"
---@param result { state: string, attempts: integer?, message: string?, failure: table? }
function Journal:end_step(step, result) end
-- One call to the outside. kind: "look" or "change". step may be nil. `began` is kept as given (the scheduler's clock); the row also
-- gets `at`, seconds since 1970 when it was written. Tables longer than 256 KiB as JSON are not kept. An answer is not
-- kept when it is longer than 64 KiB or the disk is full, and only roughly when JSON cannot say it; then the result is false and the row's
-- `cut` is its length, 0 for a rough one. branch, extra: of the task that called, and what a replay needs besides.
---@param call { run: integer, step: integer?, native: string, verb: string, kind: string, target: string?, request: table?, answer: any, failure: table?, began: number, took: number, changed: boolean?, branch: string?, extra: table? }
---@return boolean kept
function Journal:call(call) end
-- A remark that explains a change or a decision (evidence, chosen device, warning).
function Journal:note(run, text, data) end
---@param result { state: "succeeded"|"failed"|"refused"|"cancelled", exit_code: integer, message: string?, failure: table? }
function Journal:end_run(run, result) end
-- Newest first. A run without an end is "running" while its process lives, "interrupted" when that is gone, and "unfinished" when another
-- host wrote it, whose processes cannot be seen from here. Times are seconds since 1970; took is in seconds.
---@param filter { vm: string?, command: string?, limit: integer?, id: integer? }?
---@return { id: integer, command: string?, vm: string?, node: string?, version: string?, arguments: table?, environment: table?, began: number, ended: number?, took: number?, state: string, exit_code: integer?, message: string?, failure: table?, host: string, pid: integer }[]
function Journal:runs(filter) end
---@return { id: integer, run: integer, name: string, branch: string?, began: number, ended: number?, took: number?, state: string?, attempts: integer?, message: string?, failure: table? }[]
function Journal:steps(run) end
---@param filter { step: integer?, kind: string?, native: string?, limit: integer? }?
---@return { id: integer, run: integer, step: integer?, at: number, native: string, verb: string, kind: string, target: string?, request: any, answer: any, failure: table?, began: number, took: number, changed: boolean?, branch: string?, extra: table?, cut: integer? }[]
function Journal:calls(run, filter) end
---@return { id: integer, run: integer, at: number, text: string, data: any }[]
function Journal:notes(run) end
-- Durations of the same step in earlier successful runs, seconds, newest first.
---@return number[]
function Journal:step_times(vm, command, step_name, limit) end
-- The last times that devices were connected, of all runs, newest first: how the step ended in which that was ordered, and how long it took.
---@param limit integer?
---@return { device: string, state: string, took: number }[]
function Journal:device_times(limit) end
-- Where the file that was found damaged is now; a new one was begun in its place.
---@return string?
function Journal:aside() end
function Journal:close() end

process = {}
-- Runs a program without a shell and waits. The list part is program and arguments. Output is cut at max_output ("1MiB"). On timeout the
-- program is killed and timed_out is true. Without `timeout` 60 s; never longer than the task's own deadline.
-- Raises PROCESS_FAILED when it cannot be started. A program that leaves children behind which hold its output open is not waited for.
---@param options { timeout: number?, input: string?, env: table<string,string|false>?, directory: string?, max_output: string? }
---@return { code: integer?, signal: integer?, stdout: string, stderr: string, timed_out: boolean }
function process.run(options) end
-- When a process started, as a number that tells it from a later process of the same number; nil when there is none.
---@param pid integer
---@return integer?
function process.started(pid) end
-- Sends a signal to a process that is not a child of ours, if it is still the one that started then. False when that one has ended,
-- whoever has its number now. Raises PROCESS_FAILED when it may not be signalled.
---@param pid integer
---@param started integer what process.started gave
---@param signal "TERM"|"KILL"|"INT"|"STOP"|"CONT"
---@return boolean
function process.signal(pid, started, signal) end
---@class Process
local Process = {}
-- Starts a program and goes on. stdout/stderr: "pipe" (read with read_line), "inherit", "discard" (default "inherit").
---@param options { env: table?, directory: string?, stdout: string?, stderr: string?, input: string? }
---@return Process
function process.start(options) end
---@return integer
function Process:pid() end
-- Next line of stdout (or of stderr: which = "stderr"), nil at the end or after `timeout` seconds (then second result "timeout").
---@param options { timeout: number?, which: string? }?
---@return string?, string?
function Process:read_line(options) end
-- Waits for the end; nil after timeout.
---@param timeout number?
---@return { code: integer?, signal: integer? }?
function Process:wait(timeout) end
---@param signal "TERM"|"KILL"|"INT"|"STOP"|"CONT"
function Process:kill(signal) end
-- Kills the program if it still runs; so does the end of the handle's life.
function Process:close() end

secret = {}
-- Marks a secret by name; parameters.lua uses it as: password = secret "eem".
---@return table reference { secret = "eem" }
function secret.reference(name) end
-- Looks it up: environment TAKEOVER_SECRET_<NAME> (upper case, - and . become _), then file <directory>/<name> ("secrets" in the state
-- directory), which only root or the running user may read or change; its last line end is cut off. On Windows the file may be encrypted
-- for this computer (DPAPI). Names: letters, digits, _ . - Raises SECRET_MISSING (names both places), SECRET_UNSAFE, SECRET_UNREADABLE
-- (encrypted on another computer). What it gives is kept out of all log output from then on.
---@param reference table|string
---@param options { directory: string? }?
---@return string
function secret.resolve(reference, options) end
-- What is wrong with a text that is to be a secret (empty, several lines, control characters, more than 4096 bytes); nil when nothing is.
---@param text string
---@return string?
function secret.mistake(text) end
-- Writes it into its file, owner-only, in place of an earlier one; on Windows encrypted for this computer. Makes the directory. Raises
-- SECRET_UNSAFE where others may change the directory, SECRET_UNREADABLE, FS_FAILED.
---@param name string
---@param text string
---@param options { directory: string? }?
function secret.store(name, text, options) end
-- Removes its file; false when there is none.
---@param options { directory: string? }?
---@return boolean changed
function secret.remove(name, options) end
-- Files, and variables of the environment by what follows TAKEOVER_SECRET_. kind: "file", "dpapi" or "environment"; problem: why it will be
-- refused. Values are not among it.
---@param options { directory: string? }?
---@return { name: string, kind: string, problem: string? }[]
function secret.list(options) end

log = {}
-- format: "human" or "json" lines. level: "debug", "info", "warn", "error". file: also append there. colour: for human output.
---@param options { format: string?, level: string?, file: string?, colour: boolean?, quiet: boolean? }
-- What is absent stays as it is; file = "" ends the writing to a file. Starts as human lines from level info.
function log.configure(options) end
function log.debug(message, fields) end
function log.info(message, fields) end
function log.warn(message, fields) end
function log.error(message, fields) end
-- Replaces every known secret by "***", also as base64 (alone or as part of user:secret), escaped for JSON or XML, and percent-encoded.
-- Everything printed goes through this. Texts of less than 4 bytes are not kept out.
---@return string
function log.redact(text) end
-- A text from outside as it may be shown: control characters (C0, C1), line separators and marks of the direction of writing
-- become escapes like \n and \u009b, bytes that are no UTF-8 U+FFFD. Everything printed and logged goes through this, too.
---@param text string
---@param lines boolean? line ends and tabs stay
---@return string
function log.escape(text, lines) end
function log.add_secret(text) end
-- Tells the Event Log of Windows of something that failed, where the installer has registered Takeover there; false elsewhere.
---@return boolean told
function log.system(text) end

fs = {}
-- Local files. Paths are UTF-8. All raise FS_FAILED / FS_NOT_FOUND.
-- max: a longer file is a failure, default "64MiB".
---@param options { max: string? }?
---@return string
function fs.read(path, options) end
-- Writes beside it, syncs, renames: never a half-written file. mode: octal digits as text, default "0644".
---@param options { mode: string? }?
function fs.write(path, text, options) end
---@return { kind: "file"|"directory"|"other", size: integer, modified: number, owner: integer?, mode: integer? }?
function fs.find(path) end
---@return string[] names
function fs.list(directory) end
-- With parents; false when it is there already.
function fs.make_directory(path) end
-- A file or an empty directory; false when there is none.
---@return boolean changed
function fs.remove(path) end
-- Nil when only the owner (root, or the running user) may change the file and every directory above it that is not sticky; else the reason.
-- judge: "change" (default), or "code", by which whoever may replace the running program is trusted, too.
---@param path string
---@param judge string?
---@return string?
function fs.unsafe(path, judge) end
-- Makes a directory, with its parents, that only the running user may enter; one of his that is there is closed to others. Raises
-- FS_UNSAFE where it belongs to somebody else, or others may exchange it.
function fs.private_directory(path) end
-- Windows only: lets the virtual machine of that id read and change a local file, such as its disk. False when it could before.
---@param path string
---@param id string a GUID
---@return boolean changed
function fs.grant_vm(path, id) end
-- Exclusive lock that ends with the process. Nil and the holder's text when another process has it.
---@param text string who we are, for the other one to read
---@return FsLock? lock, string? holder
function fs.lock(path, text) end
---@class FsLock
local FsLock = {}
-- Releasing twice is harmless; a lock nobody holds any more is released too.
function FsLock:release() end
-- Files on a Hyper-V host, through CIM_DataFile and Win32_Directory on a connection to root/cimv2. Paths begin with a drive; / counts as \.
-- Changes raise FS_NOT_FOUND, or FS_FAILED with the method's return value in `hresult` (transient for a sharing violation).
---@class HostFiles
local HostFiles = {}
---@param connection Wmi
---@return HostFiles
function fs.open(connection) end
-- Files directly in a directory; empty where there is no such directory.
---@return { path: string, name: string, size: integer, modified: string }[]
function HostFiles:list(directory) end
---@return { path: string, name: string, size: integer, modified: string }?
function HostFiles:find(file) end
---@return { path: string }?
function HostFiles:find_directory(directory) end
-- Copies a directory with its files to a new name, which must not exist. (CIM_Directory.Copy)
function HostFiles:copy_directory(from, to) end
function HostFiles:rename_directory(from, to) end
---@return boolean changed
function HostFiles:delete_directory(directory) end
function HostFiles:copy(from, to) end
function HostFiles:rename(from, to) end
---@return boolean changed
function HostFiles:delete(file) end
function HostFiles:close() end

graph = {}
-- A table that has all that this one has, and copies of the tables that it leads to, by keys and values, each once. Metatables, functions
-- and everything else stay the same. known: what stands for a table instead of a copy of it; the copies are added.
---@param known table<table, table>?
---@return table
function graph.copy(t, known) end

digest = {}
-- SHA-256 of a text, as 64 hex digits in lower case.
---@return string
function digest.sha256(text) end

json = {}
-- JSON text to Lua: whole numbers become integers, longer ones than 64 bits stay text, null becomes nil (in a list: a hole), [] is
-- written as [] again. Raises JSON_INVALID with line and column.
function json.decode(text) end
-- Keys sorted, so that output compares. Lists are sequences; json.array marks an empty one. pretty: two spaces. Bytes that are not
-- UTF-8 become U+FFFD. Raises on what JSON does not have (functions, NaN, cycles, keys that are not text) and names its place.
---@param options { pretty: boolean? }?
---@return string
function json.encode(value, options) end
function json.array(list) end

xml = {}
-- XML under limits (host's xml.h): { name=, ns=, text=, attributes = { name = value }, [1..n] = children }. Raises XML_INVALID.
---@param limits { bytes: string?, depth: integer?, attributes: integer?, elements: integer? }? default 32MiB, 64, 64 (of one element), 2000000
function xml.parse(text, limits) end
---@return string
function xml.escape(text) end

http = {}
---@class HttpClient
local HttpClient = {}
-- Plain HTTP requests over kept-alive connections, for the lab's client and for specs. Basic authentication when user is given.
---@param options { user: string?, password: string?, ca: string?, insecure: boolean?, timeout: number?, max_answer: string? }?
---@return HttpClient
function http.open(options) end
-- Any status is an answer. Nil when there is none, with a word: "unreachable", "timeout", "broken", "tls", "too large", "bad request",
-- and libcurl's message.
---@param options { headers: table<string, string>?, body: string?, timeout: number? }?
---@return { status: integer, content_type: string, body: string }?, string?, string?
function HttpClient:request(method, url, options) end
function HttpClient:close() end

seal = {}
---@class SecurityContext
local SecurityContext = {}
-- The host's side of a WinRM login (MS-WSMV 3.1.5.1): a context of one connection, by SPNEGO or Kerberos, with a key of `keytab` (default: the
-- system's). binding: what seal.binding gave for the certificate, over https. Raises WMI_AUTH; always on Windows.
---@param options { keytab: string?, binding: string? }
---@return SecurityContext
function seal.accept(options) end
-- Reads an encrypted message without decrypting it. Raises WMI_SEAL for anything but exactly one encrypted part.
---@return { protocol: "SPNEGO"|"Kerberos", type: string, length: integer, header: string, sealed: string }
function seal.read_frame(content_type, body) end
---@param protocol "SPNEGO"|"Kerberos"
---@return string body, string content_type
function seal.write_frame(protocol, length, header, sealed) end
-- tls-server-end-point (RFC 5929) of the first certificate in a PEM text; nil where none is defined.
---@return string?
function seal.binding(pem) end
-- Takes the caller's token and gives the next one for it, both base64. Raises WMI_AUTH.
---@return string?
function SecurityContext:step(token) end
-- Nothing until both sides are known to each other. bound: the caller proved itself for this very certificate.
---@return string? account, string? mechanism "Kerberos" or "NTLM", boolean? bound
function SecurityContext:account() end
---@return string body, string content_type
function SecurityContext:wrap(text) end
-- Raises WMI_SEAL where the message was changed, repeated, or is not encrypted.
---@return string
function SecurityContext:unwrap(content_type, body) end
function SecurityContext:close() end

httpd = {}
---@class HttpServer
local HttpServer = {}
-- HTTP server on the loop (libmicrohttpd). `handler(request)` runs as a task of its own, so it may wait. request: { method=, path= (decoded,
-- without the query), query = {}, headers = {} (lower-case names), body=, secure=, connection = a number of its own, close = function() (drop the connection without an
-- answer) }. It returns { status = 200, headers = {}, body = "", pad = bytes of blanks sent after the body, truncate = break off after that
-- many bytes of what Content-Length promised }, or nil after request.close(). An error in it is answered with 500. A longer body than
-- max_body ("16MiB") is answered with 413. address: numeric, default "127.0.0.1". port 0: chosen freely. With certificate and key (PEM
-- texts): https. With `silent` instead of a handler a connection comes to nothing, as with a server without power: Linux drops what its full
-- queue has no room for (Windows refuses it). The server lives until close(), whoever holds the handle. Raises HTTPD_FAILED.
---@param options { port: integer?, address: string?, certificate: string?, key: string?, max_body: string?, handler: function?, silent: boolean? }
---@return HttpServer
function httpd.listen(options) end
---@return integer
function HttpServer:port() end
-- Stops listening and drops open connections.
function HttpServer:close() end
