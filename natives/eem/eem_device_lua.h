// A device as scripts see it (EemDevice in lua/meta/eem.lua), from EEM's decoded JSON.
#ifndef TK_EEM_DEVICE_LUA_H
#define TK_EEM_DEVICE_LUA_H

#include <lua.h>
#include <stdbool.h>

// Pushes the device made from the object at `index`, only its id without `detail`. NULL, or what is
// wrong with the object; then nothing is pushed.
const char *tk_eem_push_device(lua_State *L, int index, bool detail);

// Field `name` of the table at `index` as a whole number; EEM writes numbers as text. False when it
// is absent or something else.
bool tk_eem_get_integer(lua_State *L, int index, const char *name, lua_Integer *value);

#endif
