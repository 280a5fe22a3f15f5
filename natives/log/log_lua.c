// The module `log`: see lua/meta/small.lua and log.h.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "log.h"
#include "platform/platform.h"
#include "runtime/lua_util.h"
#include "runtime/outside.h"
#include "runtime/redact.h"

#define LINE       "log line"
#define DEPTH_MAX  4
#define FIELDS_MAX 200 // of one table

int luaopen_log(lua_State *L);

static int l_free_line(lua_State *L)
{
    tk_buffer_free(lua_touserdata(L, 1));
    return 0;
}

// Pushes an empty buffer that the collector frees.
static struct tk_buffer *new_buffer(lua_State *L)
{
    struct tk_buffer *b = lua_newuserdatauv(L, sizeof *b, 0);

    memset(b, 0, sizeof *b);
    if (luaL_newmetatable(L, LINE)) {
        lua_pushcfunction(L, l_free_line);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return b;
}

// Pushes the sorted list of a table's keys as text, so that lines compare. Keys that are neither
// text nor whole numbers are left out.
static lua_Integer sorted_keys(lua_State *L, int table)
{
    lua_Integer count = 0;

    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if ((lua_type(L, -2) == LUA_TSTRING || lua_isinteger(L, -2)) && count < FIELDS_MAX) {
            lua_pushvalue(L, -2);
            lua_tostring(L, -1);
            lua_rawseti(L, -4, ++count);
        }
    }
    lua_getglobal(L, "table");
    lua_getfield(L, -1, "sort");
    lua_pushvalue(L, -3);
    lua_call(L, 1, 0);
    lua_pop(L, 1);
    return count;
}

static void add_value(lua_State *L, int value, struct tk_buffer *line, int depth);

static void add_list(lua_State *L, int value, struct tk_buffer *line, int depth, lua_Integer count)
{
    tk_buffer_puts(line, "[");
    for (lua_Integer i = 1; i <= count && i <= FIELDS_MAX; i++) {
        if (i > 1) {
            tk_buffer_puts(line, ",");
        }
        lua_rawgeti(L, value, i);
        add_value(L, lua_gettop(L), line, depth + 1);
        lua_pop(L, 1);
    }
    tk_buffer_puts(line, "]");
}

static void add_object(lua_State *L, int value, struct tk_buffer *line, int depth)
{
    bool json = tk_log_settings()->json;
    lua_Integer count = sorted_keys(L, value);
    int keys = lua_gettop(L);

    tk_buffer_puts(line, "{");
    for (lua_Integer i = 1; i <= count; i++) {
        size_t len;
        const char *key;

        lua_rawgeti(L, keys, i);
        key = lua_tolstring(L, -1, &len);
        if (i > 1) {
            tk_buffer_puts(line, ",");
        }
        tk_log_text(line, key, len);
        tk_buffer_puts(line, json ? ":" : "=");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, value) == LUA_TNIL) { // the key was a number
            lua_pop(L, 1);
            lua_rawgeti(L, value, lua_tointeger(L, -1));
        }
        add_value(L, lua_gettop(L), line, depth + 1);
        lua_pop(L, 2);
    }
    tk_buffer_puts(line, "}");
    lua_pop(L, 1);
}

static void add_value(lua_State *L, int value, struct tk_buffer *line, int depth)
{
    size_t len;
    const char *text;
    bool has_text = luaL_getmetafield(L, value, "__tostring") != LUA_TNIL;

    luaL_checkstack(L, 12, "the fields are nested too deeply");
    if (has_text) {
        lua_pop(L, 1);
    }
    if (lua_type(L, value) == LUA_TNUMBER || lua_isboolean(L, value)) {
        lua_Number number = lua_tonumber(L, value);

        text = luaL_tolstring(L, value, NULL);
        if (number - number != 0) { // infinite or not a number: JSON has no such numbers
            tk_log_text(line, text, strlen(text));
        } else {
            tk_log_plain(line, text);
        }
        lua_pop(L, 1);
    } else if (lua_istable(L, value) && (!has_text || tk_log_settings()->json) &&
               depth < DEPTH_MAX) {
        lua_Integer count = (lua_Integer)lua_rawlen(L, value);

        if (count > 0) {
            add_list(L, value, line, depth, count);
        } else {
            add_object(L, value, line, depth);
        }
    } else if (lua_isnil(L, value)) {
        tk_buffer_puts(line, tk_log_settings()->json ? "null" : "nil");
    } else {
        text = luaL_tolstring(L, value, &len);
        tk_log_text(line, text, len);
        lua_pop(L, 1);
    }
}

// log.debug|info|warn|error(message [, fields])   [-2, +0, e]
static int write_line(lua_State *L, enum tk_log_level level)
{
    struct tk_buffer *line;
    size_t len;
    const char *text;

    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
    }
    if (level < tk_log_settings()->level) {
        return 0;
    }
    text = luaL_tolstring(L, 1, &len); // 3: the message
    line = new_buffer(L);              // 4
    tk_log_begin(line, level, text, len);
    if (!lua_isnil(L, 2)) {
        lua_Integer count = sorted_keys(L, 2); // 5
        for (lua_Integer i = 1; i <= count; i++) {
            lua_rawgeti(L, 5, i); // 6
            text = lua_tolstring(L, 6, &len);
            tk_log_key(line, text, len);
            lua_pushvalue(L, 6);
            if (lua_rawget(L, 2) == LUA_TNIL) {
                lua_pop(L, 1);
                lua_rawgeti(L, 2, lua_tointeger(L, 6));
            }
            add_value(L, 7, line, 0);
            lua_settop(L, 5);
        }
    }
    tk_log_end(line);
    tk_buffer_free(line);
    return 0;
}

static int l_debug(lua_State *L)
{
    return write_line(L, TK_LOG_DEBUG);
}

static int l_info(lua_State *L)
{
    return write_line(L, TK_LOG_INFO);
}

static int l_warn(lua_State *L)
{
    return write_line(L, TK_LOG_WARN);
}

static int l_error(lua_State *L)
{
    return write_line(L, TK_LOG_ERROR);
}

struct log_options {
    const char *format, *level, *file;
    bool colour, quiet;
};

// log.configure{...}: what is absent stays as it is.   [-1, +0, e]; raises FS_FAILED
static int l_configure(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"format", TK_OPT_STRING, offsetof(struct log_options, format), false},
        {"level", TK_OPT_STRING, offsetof(struct log_options, level), false},
        {"file", TK_OPT_STRING, offsetof(struct log_options, file), false},
        {"colour", TK_OPT_BOOLEAN, offsetof(struct log_options, colour), false},
        {"quiet", TK_OPT_BOOLEAN, offsetof(struct log_options, quiet), false},
        {NULL, 0, 0, false},
    };
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct tk_log_settings fresh = *tk_log_settings();
    struct log_options o = {.colour = fresh.colour, .quiet = fresh.quiet};
    struct tk_failure err;

    lua_settop(L, 1);
    tk_options(L, 1, "log.configure", spec, &o);
    if (o.format) {
        fresh.json = strcmp(o.format, "json") == 0;
        if (!fresh.json && strcmp(o.format, "human") != 0) {
            return luaL_error(L, "log.configure: format must be \"human\" or \"json\", not \"%s\"",
                              o.format);
        }
    }
    if (o.level) {
        size_t i = 0;

        while (i < 4 && strcmp(levels[i], o.level) != 0) {
            i++;
        }
        if (i == 4) {
            return luaL_error(
                L, "log.configure: level must be debug, info, warn or error, not \"%s\"", o.level);
        }
        fresh.level = (enum tk_log_level)i;
    }
    fresh.colour = o.colour;
    fresh.quiet = o.quiet;
    if (o.file && tk_log_file(o.file, &err) != 0) {
        return tk_raise(L, &err);
    }
    *tk_log_settings() = fresh;
    return 0;
}

// log.redact(text) -> text   [-1, +1, e]
static int l_redact(lua_State *L)
{
    size_t len;
    const char *text;
    struct tk_buffer *clean;

    text = luaL_tolstring(L, 1, &len);
    clean = new_buffer(L);
    if (tk_redact(clean, text, len)) {
        lua_pushlstring(L, clean->text, clean->len);
    } else {
        lua_pushlstring(L, text, len);
    }
    tk_buffer_free(clean);
    return 1;
}

// log.escape(text [, lines]) -> text that does not act; with `lines`, line ends and tabs stay.
// [-2, +1, e]
static int l_escape(lua_State *L)
{
    size_t len;
    const char *text;
    struct tk_buffer *shown;

    lua_settop(L, 2);
    text = luaL_tolstring(L, 1, &len);
    shown = new_buffer(L);
    tk_escape(shown, text, len, lua_toboolean(L, 2) ? TK_ESCAPE_LINES : TK_ESCAPE_ALL);
    lua_pushlstring(L, shown->text ? shown->text : "", shown->len);
    tk_buffer_free(shown);
    return 1;
}

// log.system(text) -> boolean   [-1, +1, e]
static int l_system(lua_State *L)
{
    struct tk_buffer *clean, *shown;
    const char *text;
    size_t len;

    text = luaL_checklstring(L, 1, &len);
    clean = new_buffer(L);
    shown = new_buffer(L);
    tk_redact(clean, text, len);
    tk_escape(shown, clean->text ? clean->text : "", clean->len, TK_ESCAPE_LINES);
    lua_pushboolean(L, tk_platform_report(shown->text ? shown->text : ""));
    tk_buffer_free(clean);
    tk_buffer_free(shown);
    return 1;
}

// log.add_secret(text)   [-1, +0, e]
static int l_add_secret(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);

    tk_secret_add(text, len);
    return 0;
}

static int l_close(lua_State *L)
{
    (void)L;
    tk_log_close();
    tk_secrets_forget();
    return 0;
}

int luaopen_log(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"debug", l_debug},   {"info", l_info},           {"warn", l_warn},
        {"error", l_error},   {"configure", l_configure}, {"redact", l_redact},
        {"escape", l_escape}, {"system", l_system},       {"add_secret", l_add_secret},
        {NULL, NULL},
    };

    luaL_newlib(L, functions);
    lua_newuserdatauv(L, 0, 0); // closes the file and forgets the secrets with the Lua state
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_close);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, "log at the end");
    return 1;
}
