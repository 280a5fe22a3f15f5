// JSON for the bindings of natives that speak it.
#ifndef TK_JSON_LUA_H
#define TK_JSON_LUA_H

#include <lua.h>

#include "failure.h"

// Pushes the value (null: nil) and returns 0; or pushes nothing and returns -1 with JSON_INVALID.
// Raises only when memory is used up, so `text` must belong to somebody.
int tk_json_decode(lua_State *L, const char *text, size_t len, struct tk_failure *err);
// Whether the decoded value at `index` was a JSON list, also an empty one.
bool tk_json_is_list(lua_State *L, int index);

#endif
