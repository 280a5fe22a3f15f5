// JSON for the bindings of natives that speak it, and what the two halves of the module share.
#ifndef TK_JSON_LUA_H
#define TK_JSON_LUA_H

#include <lua.h>
#include <stdbool.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

#define TK_JSON_DEPTH_MAX 100

// Pushes the value (null: nil) and returns 0; or pushes nothing and returns -1 with JSON_INVALID.
// Raises only when memory is used up, so `text` must belong to somebody.
int tk_json_decode(lua_State *L, const char *text, size_t len, struct tk_failure *err);
// Whether the decoded value at `index` was a JSON list, also an empty one.
bool tk_json_is_list(lua_State *L, int index);

// Whether the table at `index` was marked by json.array.
bool tk_json_is_marked_list(lua_State *L, int index);
// Pushes a userdata that owns an empty buffer; Lua frees it when something raises.
struct tk_buffer *tk_json_push_buffer(lua_State *L);
// json.encode(value [, { pretty = }]) -> text   [-0, +1, v]
int tk_json_encode(lua_State *L);

#endif
