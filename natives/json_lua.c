// The module `json`. Reading is lua-cjson's work, mended (see json.h): whole numbers are integers,
// null is absent, [] stays a list. Writing is ours, because keys must be sorted: what Takeover
// prints and records is compared by people and by tests.
#include "json_lua.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "lua_util.h"

#define DEPTH_MAX   100
#define ARRAY_TYPE  "json.array"
#define BUFFER_TYPE "json.buffer"

static char decode_key; // registry: lua-cjson's decode, with our settings

// ---- the buffer, which Lua frees when something raises

static int buffer_free(lua_State *L)
{
    tk_buffer_free(luaL_checkudata(L, 1, BUFFER_TYPE));
    return 0;
}

static struct tk_buffer *new_buffer(lua_State *L)
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
    lua_pushinteger(L, DEPTH_MAX);
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
    marked = new_buffer(L);
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

static bool is_array(lua_State *L, int index)
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
    return lua_istable(L, index) && (lua_rawlen(L, index) > 0 || is_array(L, index));
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

// ---- encoding

// One table on the way down to the value that is being written.
struct frame {
    const struct frame *up;
    const void *table;
    const char *key; // NULL in a list
    lua_Integer index;
    int depth;
};

struct encoder {
    lua_State *L;
    struct tk_buffer *out;
    bool pretty;
};

struct key {
    const char *text; // held by the table
    size_t len;
};

static void encode(const struct encoder *e, const struct frame *up);

static void push_path(lua_State *L, const struct frame *frame)
{
    if (!frame) {
        lua_pushliteral(L, "the value");
        return;
    }
    push_path(L, frame->up);
    if (frame->key) {
        lua_pushfstring(L, ".%s", frame->key);
    } else {
        lua_pushfstring(L, "[%I]", (LUAI_UACINT)frame->index);
    }
    lua_concat(L, 2);
}

static void refuse(lua_State *L, const struct frame *where, const char *why)
{
    push_path(L, where);
    luaL_error(L, "json.encode: %s %s", lua_tostring(L, -1), why);
}

static void new_line(const struct encoder *e, int depth)
{
    if (e->pretty) {
        tk_buffer_printf(e->out, "\n%*s", 2 * depth, "");
    }
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static void encode_object(const struct encoder *e, struct frame *frame, size_t count)
{
    lua_State *L = e->L;
    int table = lua_gettop(L);
    struct key *keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
    size_t used = 0;

    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            lua_pushfstring(L, "has a key that is a %s; keys must be text, or 1, 2, 3 and so on",
                            luaL_typename(L, -1));
            refuse(L, frame->up, lua_tostring(L, -1));
        }
        keys[used].text = lua_tolstring(L, -1, &keys[used].len);
        used++;
    }
    qsort(keys, used, sizeof *keys, compare_keys);
    tk_buffer_puts(e->out, "{");
    for (size_t i = 0; i < used; i++) {
        tk_buffer_puts(e->out, i > 0 ? "," : "");
        new_line(e, frame->depth);
        tk_json_add_string(e->out, keys[i].text, keys[i].len);
        tk_buffer_puts(e->out, e->pretty ? ": " : ":");
        frame->key = keys[i].text;
        lua_pushlstring(L, keys[i].text, keys[i].len);
        lua_rawget(L, table);
        encode(e, frame);
        lua_pop(L, 1);
    }
    if (used > 0) {
        new_line(e, frame->depth - 1);
    }
    tk_buffer_puts(e->out, "}");
    lua_settop(L, table);
}

static void encode_list(const struct encoder *e, struct frame *frame, lua_Integer len)
{
    lua_State *L = e->L;
    int table = lua_gettop(L);

    tk_buffer_puts(e->out, "[");
    frame->key = NULL;
    for (lua_Integer i = 1; i <= len; i++) {
        tk_buffer_puts(e->out, i > 1 ? "," : "");
        new_line(e, frame->depth);
        frame->index = i;
        if (lua_rawgeti(L, table, i) == LUA_TNIL) {
            refuse(L, frame->up, "is a list with holes or with named fields");
        }
        encode(e, frame);
        lua_pop(L, 1);
    }
    if (len > 0) {
        new_line(e, frame->depth - 1);
    }
    tk_buffer_puts(e->out, "]");
}

static void encode_table(const struct encoder *e, const struct frame *up)
{
    lua_State *L = e->L;
    struct frame frame = {.up = up, .table = lua_topointer(L, -1), .depth = up ? up->depth + 1 : 1};
    lua_Integer len = (lua_Integer)lua_rawlen(L, -1);
    size_t count = 0;

    luaL_checkstack(L, 12, "tables are nested too deeply");
    for (const struct frame *f = up; f; f = f->up) {
        if (f->table == frame.table) {
            refuse(L, up, "contains itself");
        }
    }
    if (frame.depth > DEPTH_MAX) {
        refuse(L, up, "is nested too deeply");
    }
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        count++;
    }
    if (len == 0 && !is_array(L, -1)) {
        encode_object(e, &frame, count);
    } else if (count != (size_t)len) {
        refuse(L, up, "is a list with holes or with named fields");
    } else {
        encode_list(e, &frame, len);
    }
}

// Writes the value on top and leaves it there.
static void encode(const struct encoder *e, const struct frame *up)
{
    lua_State *L = e->L;
    const char *text;
    size_t len;

    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        tk_buffer_puts(e->out, "null");
        break;
    case LUA_TBOOLEAN:
        tk_buffer_puts(e->out, lua_toboolean(L, -1) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1)) {
            tk_buffer_printf(e->out, "%lld", (long long)lua_tointeger(L, -1));
        } else if (isfinite(lua_tonumber(L, -1))) {
            tk_json_add_double(e->out, lua_tonumber(L, -1));
        } else {
            refuse(L, up, "is not a finite number");
        }
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        tk_json_add_string(e->out, text, len);
        break;
    case LUA_TTABLE:
        encode_table(e, up);
        break;
    default:
        lua_pushfstring(L, "is a %s, which JSON does not have", luaL_typename(L, -1));
        refuse(L, up, lua_tostring(L, -1));
    }
}

struct encode_options {
    bool pretty;
};

// json.encode(value [, { pretty = }]) -> text   [-0, +1, v]
static int l_encode(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"pretty", TK_OPT_BOOLEAN, offsetof(struct encode_options, pretty), false},
        {NULL, 0, 0, false},
    };
    struct encode_options options = {0};
    struct encoder e = {.L = L};

    luaL_checkany(L, 1);
    lua_settop(L, 2);
    tk_options(L, 2, "json.encode", spec, &options);
    e.pretty = options.pretty;
    e.out = new_buffer(L);
    lua_pushvalue(L, 1);
    encode(&e, NULL);
    lua_pushlstring(L, e.out->text, e.out->len);
    tk_buffer_free(e.out);
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
    if (lua_getmetatable(L, 1) && !is_array(L, 1)) {
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
        {"decode", l_decode}, {"encode", l_encode}, {"array", l_array}, {NULL, NULL}};

    prepare(L);
    luaL_newlib(L, functions);
    return 1;
}
