// The few things that every binding does: read one table of named options, raise failures, make
// handles.
#ifndef TK_LUA_UTIL_H
#define TK_LUA_UTIL_H

#include <lauxlib.h>
#include <lua.h>

#include "failure.h"

enum tk_option_type {
    TK_OPT_STRING,  // const char *, valid while the table is on the stack; NULL when absent
    TK_OPT_SECONDS, // int64_t milliseconds; not touched when absent
    TK_OPT_INTEGER, // int64_t; not touched when absent
    TK_OPT_BOOLEAN, // bool; not touched when absent
    TK_OPT_SIZE, // uint64_t bytes, from "33280MiB", "3GiB", "64KiB", "12B"; not touched when absent
    TK_OPT_VALUE, // int: absolute stack index of the value, which is pushed; 0 when absent
};

struct tk_option {
    const char *name;
    enum tk_option_type type;
    size_t offset; // of the field in the structure
    bool required;
};

// Reads the table at `index` (absent or nil: an empty one) into `base`. Raises, with the caller's
// own line, on an unknown key (listing the known ones), a value of the wrong type and a missing
// required key. `spec` ends with a NULL name. TK_OPT_VALUE pushes values: read options before
// anything else goes onto the stack.
void tk_options(lua_State *L, int index, const char *function, const struct tk_option *spec,
                void *base);

// Fills `err` as failure object and raises it / pushes it.
int tk_raise(lua_State *L, const struct tk_failure *err);
void tk_push_failure(lua_State *L, const struct tk_failure *err);

// Registers a handle type: methods by __index, __gc and __close from `close` (calling it twice must
// be harmless), a readable
// __tostring, and a protected metatable.
void tk_handle_type(lua_State *L, const char *type_name, const luaL_Reg *methods,
                    lua_CFunction close);

// "33280MiB" <-> bytes. The first returns false on nonsense.
bool tk_size_parse(const char *text, uint64_t *bytes);
// Largest unit that divides without rest, e.g. 33280 MiB -> "33280MiB", 3072 MiB -> "3GiB".
void tk_push_size(lua_State *L, uint64_t bytes);

// Sets field `name` of the table on top; nothing is set for NULL.
void tk_set_string(lua_State *L, const char *name, const char *value);
void tk_set_integer(lua_State *L, const char *name, lua_Integer value);
void tk_set_boolean(lua_State *L, const char *name, bool value);

#endif
