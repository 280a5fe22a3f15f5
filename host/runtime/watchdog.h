// The watchdog stops a script that never gives way, even inside pcall; the guard is the protected
// call that every script function runs in.
#ifndef TK_WATCHDOG_H
#define TK_WATCHDOG_H

#include <lua.h>

// loop.watchdog(seconds): longest time that a script may run without waiting; 0 switches it off.
int tk_watchdog_set(lua_State *L);
// loop.slice(in_task) -> before: the scheduler says that a task starts to run now, or that it has
// stopped and the scheduler itself runs.
int tk_watchdog_slice(lua_State *L);
// loop.limited(fn, instructions, methods) -> true, value | false, message: runs a chunk that may
// not wait, for so many instructions at most; meanwhile `methods` are those of texts.
int tk_watchdog_limited(lua_State *L);
// loop.guard(fn, ...) -> true, results... | false, failure object. Anything raised becomes a
// failure object that names the line of the administrator's file; may be yielded across.
int tk_watchdog_guard(lua_State *L);

#endif
