// How every native waits. A native that does something slow puts it on the thread pool (pool.h) and
// suspends the calling coroutine; the scheduler runs other branches meanwhile and resumes it with
// the result. To the script's author the call simply blocks. See scheduler.lua for the other half.
#ifndef TK_AWAIT_H
#define TK_AWAIT_H

#include <lua.h>

#include "failure.h"
#include "limit.h"

// The work, on a pool thread: plain C, no Lua. 0, or -1 with *err filled.
typedef int (*tk_work)(void *request, const struct tk_limit *limit, struct tk_failure *err);
// Back on the loop's thread after success: pushes the results and returns how many. May raise.
typedef int (*tk_push)(lua_State *L, void *request);

// Runs `work` on the full userdata at index `request`, which owns everything the work needs (its
// __gc frees it; handles are held by reference count or as user values). Time: timeout_ms, capped
// by the limit of the running task. Raises the failure, or returns what `push` pushed. Use as
// `return tk_await(...)`.
int tk_await(lua_State *L, int request, int64_t timeout_ms, tk_work work, tk_push push);

// For natives that wait for an event of libuv's loop instead (a child process, a timer, a request
// to serve). tk_park suspends the running task; `resumed` runs when it was woken. Raises where the
// caller cannot wait.
int tk_park(lua_State *L, lua_KContext context, lua_KFunction resumed);
// Raises where tk_park would: for natives that start something before they wait for it.
void tk_check_park(lua_State *L);
// Loop thread only. `co` must be parked; it runs at the scheduler's next turn.
void tk_wake(lua_State *co);

// Milliseconds on the clock of tk_now_ms when the running task's limit is reached (INT64_MAX:
// none).
int64_t tk_task_deadline_ms(lua_State *L);

#endif
