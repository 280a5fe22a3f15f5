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
---@field node string?     the node that it is about, once it went through a handle of the engine
---@field transient boolean may succeed when tried again; the engine retries on this alone
---@field maybe_executed boolean? the change may have happened although no answer came
---@field http integer?
---@field hresult integer?
---@field where string?    "file:line" of the script, once it went through a guard
---@field traceback string? of an error in a script
---@field details any

-- Makes a failure object. The code must be one of failure.codes.
---@param fields { code: string, message: string, hint: string?, target: string?, node: string?, transient: boolean?, maybe_executed: boolean?, details: any }
---@return Failure
function failure.new(fields) end
-- Makes and raises it; a failure object is raised as it is.
---@param fields table|Failure
function failure.raise(fields) end
---@return boolean
function failure.is(value) end
-- What happened and to whom, "ms1: access denied": as tostring(), without code and hint.
---@param failed Failure
---@return string
function failure.text(failed) end
-- What a code means, wherever it is asked for.
---@class FailureCode
---@field source string
---@field meaning string
---@field transient boolean    trying the same thing again may help
---@field unknown boolean      says nothing of the virtual machine's health, only that it could not be asked
---@field unreachable boolean  a node that does not answer: for its devices there may be other evidence
---@field refusal boolean      a safety rule's no, not a fault
---@field cut_short boolean    may only say that the asker had no more time
---@field settles boolean      the fact may come true by itself: an earlier run's job may be at work
---@field exit string          a name of host.exit_codes, for a run that ended with it
---@field remedy string?       what to do, where the failure has no hint; {node}, {vm} and {target} stand for what it is about

-- Every code that there is. Read-only: each look gives a copy.
---@type table<string, FailureCode>
failure.codes = {}

console = {}
-- Whether the word names a code page that is known here: "system" (what console programs of this system write: the OEM code page on
-- Windows, UTF-8 elsewhere), "utf-8", or a number as in "932".
---@return boolean
function console.is_code_page(word) end
-- Code pages of the two streams; most lines that both together write from now on (0: no limit, else at least 40). What is absent stays.
---@param options { stdout: string?, stderr: string?, lines: integer? }
function console.configure(options) end
-- Writes lines of UTF-8. Where lines are limited, the last twenty are kept for those that are marked `last`; a line tells how many are left
-- out, and longer ones than 1000 bytes are cut.
---@param stream "stdout"|"stderr"
---@param text string
---@param last boolean?
function console.write(stream, text, last) end
-- Lines left out so far.
---@return integer
function console.left_out() end

-- Why something written to standard output did not arrive; empty when its reader went away, nil when
-- all did.
---@return string?
function console.lost() end
-- UTF-8 in a code page; "?" for what that does not have. Raises for an unknown code page.
---@return string
function console.encode(text, code_page) end
-- The other way.
---@return string
function console.decode(bytes, code_page) end
-- Asks on the terminal for a line that it does not show. Raises CANCELLED, and FS_FAILED where standard input is no terminal.
---@return string
function console.read_hidden(prompt) end

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
--- Full path of the running program.
---@return string
function loop.executable() end
--- Where our own files are when nothing says otherwise: %ProgramData%\takeover or /var/lib/takeover.
---@return string
function loop.state_directory() end
---@param fd integer
---@return boolean
function loop.is_terminal(fd) end
-- How many processors this process may use.
---@return integer
function loop.processors() end
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
-- Runs a chunk that may not wait, for so many instructions at most; meanwhile `methods` are those of texts. Gives false and a
-- message where it fails or does not come to an end.
---@param chunk function
---@param instructions integer
---@param methods table
---@return boolean, any
function loop.limited(chunk, instructions, methods) end
