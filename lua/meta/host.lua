---@meta
-- Of the host itself: failure objects, which scripts raise and look at, and the loop, which only the
-- scheduler and the command line use (scripts wait with host.scheduler.sleep).

failure = {}

-- What the world did wrong. tostring() gives one readable line.
---@class Failure
---@field code string      stable word, a key of failure.codes
---@field source string    "eem", "wmi", ...
---@field message string
---@field hint string?     what to do about it
---@field target string?   device, VM, file, URL
---@field transient boolean may succeed when tried again; the engine retries on this alone
---@field maybe_executed boolean? the change may have happened although no answer came
---@field http integer?
---@field hresult integer?
---@field where string?    "file:line" of the script, once it went through a guard
---@field traceback string? of an error in a script
---@field details any

-- Makes a failure object. The code must be one of failure.codes.
---@param fields { code: string, message: string, hint: string?, target: string?, transient: boolean?, maybe_executed: boolean?, details: any }
---@return Failure
function failure.new(fields) end
-- Makes and raises it; a failure object is raised as it is.
---@param fields table|Failure
function failure.raise(fields) end
---@return boolean
function failure.is(value) end
-- Every code that there is.
---@type table<string, { source: string, meaning: string, transient: boolean }>
failure.codes = {}

loop = {}
-- Seconds of a clock that only goes forward.
---@return number
function loop.now() end
-- Seconds since 1970.
---@return number
function loop.wall() end
-- Runs libuv's loop until something happens or `seconds` have gone by (nil: no limit).
---@param seconds number?
---@return thread[] woken coroutines to resume
---@return boolean alive whether there is anything left to wait for
function loop.poll(seconds) end
-- Makes a coroutine a task that may wait inside natives, until `deadline` on the clock of now().
---@param deadline number?
function loop.task(co, deadline) end
function loop.forget(co) end
-- From now on SIGINT and SIGTERM are remembered instead of ending the program.
function loop.catch_signals() end
---@return "SIGINT"|"SIGTERM"|nil
function loop.interrupted() end
-- While on, waits inside natives end at once.
---@param on boolean
function loop.cancel(on) end
---@return string
function loop.hostname() end
---@return integer
function loop.pid() end
---@param fd integer
---@return boolean
function loop.is_terminal(fd) end
-- Longest time that a script may run without waiting; 0: no limit.
---@param seconds number
function loop.watchdog(seconds) end
-- A task begins to run now (true), or what was running before goes on: the watchdog's time starts again.
---@param in_task boolean
---@return boolean before
function loop.slice(in_task) end
-- Calls fn(...) protected: true and its results, or false and a failure object. May be yielded across.
---@return boolean, any ...
function loop.guard(fn, ...) end
