// See lua_util.h.
#include "lua_util.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void known_keys(lua_State *L, const struct tk_option *spec)
{
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    for (const struct tk_option *o = spec; o->name; o++) {
        if (o != spec) {
            luaL_addstring(&b, ", ");
        }
        luaL_addstring(&b, o->name);
    }
    luaL_pushresult(&b);
}

static int wrong_type(lua_State *L, const char *function, const char *key, const char *wanted,
                      int index)
{
    return luaL_error(L, "%s: %s must be %s, not %s", function, key, wanted,
                      luaL_typename(L, index));
}

static void read_option(lua_State *L, int value, const char *function, const struct tk_option *o,
                        void *base)
{
    void *field = (char *)base + o->offset;

    switch (o->type) {
    case TK_OPT_STRING:
        if (lua_type(L, value) != LUA_TSTRING) {
            wrong_type(L, function, o->name, "text", value);
        }
        *(const char **)field = lua_tostring(L, value);
        break;
    case TK_OPT_SECONDS:
        if (lua_type(L, value) != LUA_TNUMBER) {
            wrong_type(L, function, o->name, "a number of seconds", value);
        }
        if (!(lua_tonumber(L, value) >= 0 && lua_tonumber(L, value) <= 1e9)) {
            luaL_error(L, "%s: %s must be a number of seconds from 0 to 1000000000", function,
                       o->name);
        }
        *(int64_t *)field = (int64_t)(lua_tonumber(L, value) * 1000);
        break;
    case TK_OPT_INTEGER:
        if (!lua_isinteger(L, value)) {
            wrong_type(L, function, o->name, "a whole number", value);
        }
        *(int64_t *)field = lua_tointeger(L, value);
        break;
    case TK_OPT_BOOLEAN:
        if (!lua_isboolean(L, value)) {
            wrong_type(L, function, o->name, "true or false", value);
        }
        *(bool *)field = lua_toboolean(L, value);
        break;
    case TK_OPT_SIZE:
        if (lua_type(L, value) != LUA_TSTRING ||
            !tk_size_parse(lua_tostring(L, value), (uint64_t *)field)) {
            wrong_type(L, function, o->name, "a size with its unit, like \"33280MiB\"", value);
        }
        break;
    case TK_OPT_VALUE:
        *(int *)field = value;
        break;
    }
}

void tk_options(lua_State *L, int index, const char *function, const struct tk_option *spec,
                void *base)
{
    index = lua_absindex(L, index);
    if (lua_isnoneornil(L, index)) {
        lua_newtable(L);
        index = lua_gettop(L);
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: a table of named options is needed, not %s", function,
                   luaL_typename(L, index));
    }
    lua_pushnil(L);
    while (lua_next(L, index)) {
        const struct tk_option *o = spec;
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;

        while (o->name && !(key && strcmp(o->name, key) == 0)) {
            o++;
        }
        if (!o->name) {
            luaL_tolstring(L, -2, NULL);
            known_keys(L, spec);
            luaL_error(L, "%s: there is no option \"%s\"; the options are: %s", function,
                       lua_tostring(L, -2), lua_tostring(L, -1));
        }
        lua_pop(L, 1);
    }
    for (const struct tk_option *o = spec; o->name; o++) {
        if (lua_getfield(L, index, o->name) == LUA_TNIL) {
            if (o->required) {
                luaL_error(L, "%s: the option \"%s\" is missing", function, o->name);
            }
            lua_pop(L, 1);
            continue;
        }
        read_option(L, lua_gettop(L), function, o, base);
        if (o->type != TK_OPT_VALUE) {
            lua_pop(L, 1);
        }
    }
}

static int l_handle_tostring(lua_State *L)
{
    luaL_getmetafield(L, 1, "__name");
    lua_pushfstring(L, "%s handle", lua_tostring(L, -1));
    return 1;
}

void tk_handle_type(lua_State *L, const char *type_name, const luaL_Reg *methods,
                    lua_CFunction close)
{
    luaL_newmetatable(L, type_name);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, l_handle_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "handle");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

static const struct {
    const char *name;
    uint64_t bytes;
} units[] = {
    {"TiB", UINT64_C(1) << 40},
    {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20},
    {"KiB", UINT64_C(1) << 10},
    {"B", 1},
};

bool tk_size_parse(const char *text, uint64_t *bytes)
{
    char *end;
    unsigned long long number;

    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    number = strtoull(text, &end, 10);
    while (*end == ' ') {
        end++;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0) {
            if (number > UINT64_MAX / units[i].bytes) {
                return false;
            }
            *bytes = number * units[i].bytes;
            return true;
        }
    }
    return false;
}

void tk_push_size(lua_State *L, uint64_t bytes)
{
    size_t i = 0;

    while (units[i].bytes > 1 && (bytes == 0 || bytes % units[i].bytes != 0)) {
        i++;
    }
    lua_pushfstring(L, "%I%s", (LUAI_UACINT)(bytes / units[i].bytes), units[i].name);
}

void tk_set_string(lua_State *L, const char *name, const char *value)
{
    if (value) {
        lua_pushstring(L, value);
        lua_setfield(L, -2, name);
    }
}

void tk_set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

void tk_set_boolean(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}
