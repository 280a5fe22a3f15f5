// Between the files of the module `process`: the handle of a child process, how a task waits for
// it, and how a table becomes the child's arguments.
#ifndef TK_PROCESS_LUA_H
#define TK_PROCESS_LUA_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "process.h"

#define TK_PROCESS_MAX_OUTPUT (1 << 20)

struct waiter;

struct process {
    struct tk_child *child; // NULL: closed
    char *program;
    struct waiter *waiters;
};

// ---- process_arguments_lua.c

// Splits the table at 1 into arguments and options. Pushes a table that keeps the texts, the
// argument vector and the table of options.
const char **tk_process_arguments(lua_State *L, const char *function);
// Pushes the owner of the environment's memory; NULL where nothing is changed (index 0).
char **tk_process_environment(lua_State *L, int index, const char *function);
// "pipe", "inherit" or "discard"; NULL is "inherit".
enum tk_child_stream tk_process_stream(lua_State *L, const char *name, const char *value);

// ---- process_handle_lua.c

void tk_process_register(lua_State *L);
// Pushes a handle without a child; it begins one.
struct process *tk_process_new(lua_State *L);
void tk_process_begin(lua_State *L, struct process *p, struct tk_child_options *options);
// Lua's: kills the child if it still runs. Twice is harmless.
int tk_process_close(lua_State *L);
// Pushes { code = } or { signal = }, or an empty table while it runs.
void tk_process_push_end(lua_State *L, const struct tk_child *child);
// Suspends the task until something happens or the time comes; `again` looks at what it was.
int tk_process_wait(lua_State *L, struct process *p, int64_t until_ms, lua_KContext context,
                    lua_KFunction again);
// When `timeout_ms` from now is over, the task's deadline at the latest.
int64_t tk_process_until(lua_State *L, int64_t timeout_ms);

#endif
