// json.encode. Not lua-cjson's work, because keys must be sorted: what Takeover prints and records
// is compared by people and by tests.
#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "json_lua.h"
#include "runtime/lua_util.h"

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
    if (frame.depth > TK_JSON_DEPTH_MAX) {
        refuse(L, up, "is nested too deeply");
    }
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        count++;
    }
    if (len == 0 && !tk_json_is_marked_list(L, -1)) {
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
int tk_json_encode(lua_State *L)
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
    e.out = tk_json_push_buffer(L);
    lua_pushvalue(L, 1);
    encode(&e, NULL);
    lua_pushlstring(L, e.out->text, e.out->len);
    tk_buffer_free(e.out);
    return 1;
}
