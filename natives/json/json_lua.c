// The module `json`, and its reading half. Reading is lua-cjson's work, mended (see json.h): whole
// numbers are integers, null is absent, [] stays a list. json_encode_lua.c writes.
#include "json_lua.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "runtime/lua_util.h"

#define ARRAY_TYPE  "json.array"
#define BUFFER_TYPE "json.buffer"

static char decode_key; // registry: lua-cjson's decode, with our settings

// ---- the buffer, which Lua frees when something raises

static int buffer_free(lua_State *L)
{
    tk_buffer_free(luaL_checkudata(L, 1, BUFFER_TYPE));
    return 0;
}

struct tk_buffer *tk_json_push_buffer(lua_State *L)
{
    struct tk_buffer *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);

    memset(buffer, 0, sizeof *buffer);
    luaL_setmetatable(L, BUFFER_TYPE);
    return buffer;
}

// ---- preparing, once, also where a script never asks for `json` itself

int luaopen_cjson_safe(lua_State *L);

// Makes an instance of lua-cjson of our own, so that nobody's settings meet.
static void open_cjson(lua_State *L)
{
    lua_pushcfunction(L, luaopen_cjson_safe);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "decode_max_depth");
    lua_pushinteger(L, TK_JSON_DEPTH_MAX);
    lua_call(L, 1, 0);
    lua_getfield(L, -1, "decode");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &decode_key);
    lua_pop(L, 1);
}

static void prepare(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &decode_key) == LUA_TNIL) {
        luaL_newmetatable(L, ARRAY_TYPE);
        luaL_newmetatable(L, BUFFER_TYPE);
        lua_pushcfunction(L, buffer_free);
        lua_setfield(L, -2, "__gc");
        lua_pop(L, 2);
        open_cjson(L);
    }
    lua_pop(L, 1);
}

// ---- decoding

static int invalid(struct tk_failure *err, const char *text, size_t at, const char *why,
                   size_t why_len)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < at; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return tk_fail(err, TK_JSON_INVALID, "%.*s at line %zu, column %zu", (int)why_len, why, line,
                   column);
}

// lua-cjson says "... at character 12", counted in the marked text.
static int invalid_for_cjson(struct tk_failure *err, const char *text, size_t len,
                             const char *message)
{
    static const char before[] = " at character ";
    const char *found = strstr(message, before);
    size_t at = len;

    if (found) {
        at = tk_json_unmarked(text, len, strtoul(found + strlen(before), NULL, 10) - 1);
    }
    return invalid(err, text, at, message, found ? (size_t)(found - message) : strlen(message));
}

// Replaces the marked string on top by what it stands for.
static void unmark(lua_State *L)
{
    const char *text = lua_tostring(L, -1) + 1;

    if (*text == '[') {
        lua_newtable(L);
        luaL_setmetatable(L, ARRAY_TYPE);
    } else if (!lua_stringtonumber(L, text)) {
        lua_pushstring(L, text);
    } else if (!lua_isinteger(L, -1)) { // beyond 64 bits: the digits, exactly
        lua_pop(L, 1);
        lua_pushstring(L, text);
    }
    lua_remove(L, -2);
}

static bool is_marked(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING && lua_tostring(L, index)[0] == TK_JSON_MARK;
}

// Mends the value on top. False when it holds a number beyond all doubles.
static bool mend(lua_State *L)
{
    bool good = true;
    int table;

    if (is_marked(L, -1)) {
        unmark(L);
    } else if (lua_islightuserdata(L, -1)) { // lua-cjson's null
        lua_pop(L, 1);
        lua_pushnil(L);
    } else if (lua_type(L, -1) == LUA_TNUMBER) {
        good = isfinite(lua_tonumber(L, -1));
    } else if (lua_istable(L, -1)) {
        luaL_checkstack(L, 6, "JSON is nested too deeply");
        table = lua_gettop(L);
        lua_pushnil(L);
        while (good && lua_next(L, table)) { // assigning to existing keys is allowed meanwhile
            if (lua_type(L, -1) == LUA_TBOOLEAN ||
                (lua_type(L, -1) == LUA_TSTRING && !is_marked(L, -1))) {
                lua_pop(L, 1);
                continue;
            }
            good = mend(L);
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, table);
        }
        lua_settop(L, table);
    }
    return good;
}

int tk_json_decode(lua_State *L, const char *text, size_t len, struct tk_failure *err)
{
    int top = lua_gettop(L);
    struct tk_buffer *marked;
    const char *why;
    size_t at;
    int result = -1;

    luaL_checkstack(L, 10, "too many values");
    prepare(L);
    marked = tk_json_push_buffer(L);
    if (!tk_json_mark(text, len, marked, &at, &why)) {
        invalid(err, text, at, why, strlen(why));
        lua_settop(L, top);
        return -1;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &decode_key);
    lua_pushlstring(L, marked->text ? marked->text : "", marked->len);
    tk_buffer_free(marked);
    lua_call(L, 1, 2);
    if (lua_isnil(L, -2)) {
        invalid_for_cjson(err, text, len, lua_tostring(L, -1));
    } else {
        lua_pop(L, 1);
        result = 0;
        if (!mend(L)) {
            result = tk_fail(err, TK_JSON_INVALID, "a number is too large");
        }
    }
    if (result == 0) {
        lua_replace(L, top + 1);
        lua_settop(L, top + 1);
    } else {
        lua_settop(L, top);
    }
    return result;
}

bool tk_json_is_marked_list(lua_State *L, int index)
{
    bool yes = false;

    if (lua_getmetatable(L, index)) {
        luaL_getmetatable(L, ARRAY_TYPE);
        yes = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    return yes;
}

bool tk_json_is_list(lua_State *L, int index)
{
    return lua_istable(L, index) && (lua_rawlen(L, index) > 0 || tk_json_is_marked_list(L, index));
}

// json.decode(text) -> value   [-0, +1, v]
static int l_decode(lua_State *L)
{
    struct tk_failure err;
    const char *text;
    size_t len;

    lua_settop(L, 1);
    luaL_checktype(L, 1, LUA_TSTRING);
    text = lua_tolstring(L, 1, &len);
    if (tk_json_decode(L, text, len, &err) != 0) {
        return tk_raise(L, &err);
    }
    return 1;
}

// json.array([list]) -> list, marked: it is written as [] even when it is empty   [-0, +1, v]
static int l_array(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getmetatable(L, 1) && !tk_json_is_marked_list(L, 1)) {
        return luaL_argerror(L, 1, "the table has a metatable of its own");
    }
    lua_settop(L, 1);
    luaL_setmetatable(L, ARRAY_TYPE);
    return 1;
}

// ---- registration

int luaopen_json(lua_State *L);

int luaopen_json(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"decode", l_decode}, {"encode", tk_json_encode}, {"array", l_array}, {NULL, NULL}};

    prepare(L);
    luaL_newlib(L, functions);
    return 1;
}
