// The module `secret`: see lua/meta/small.lua and secret.h.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "lua_util.h"
#include "secret.h"

int luaopen_secret(lua_State *L);

static int l_forget(lua_State *L)
{
    struct tk_buffer *b = lua_touserdata(L, 1);

    if (b->text) {
        memset(b->text, 0, b->size);
    }
    tk_buffer_free(b);
    return 0;
}

static const char *check_name(lua_State *L, const char *function)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);

    if (strlen(name) != len || !tk_secret_name_valid(name)) {
        luaL_error(L,
                   "%s: \"%s\" is not the name of a secret: letters, digits, '_', '.' and '-' are "
                   "allowed",
                   function, name);
    }
    return name;
}

// secret.reference(name) -> { secret = name }   [-1, +1, e]
static int l_reference(lua_State *L)
{
    const char *name = check_name(L, "secret.reference");

    lua_createtable(L, 0, 1);
    tk_set_string(L, "secret", name);
    return 1;
}

// secret.resolve(reference | name [, options]) -> text   [-2, +1, e]
static int l_resolve(lua_State *L)
{
    static const struct tk_option spec[] = {{"directory", TK_OPT_STRING, 0, false},
                                            {NULL, 0, 0, false}};
    const char *name, *directory = NULL;
    struct tk_buffer *text;
    struct tk_failure err;

    lua_settop(L, 2);
    if (lua_istable(L, 1)) {
        lua_getfield(L, 1, "secret");
        lua_replace(L, 1);
    }
    luaL_argcheck(L, lua_type(L, 1) == LUA_TSTRING, 1, "the name of a secret or a reference");
    name = check_name(L, "secret.resolve");
    tk_options(L, 2, "secret.resolve", spec, &directory);
    text = lua_newuserdatauv(L, sizeof *text, 0);
    memset(text, 0, sizeof *text);
    if (luaL_newmetatable(L, "secret text")) {
        lua_pushcfunction(L, l_forget);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    if (tk_secret_resolve(text, name, directory, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_pushlstring(L, text->text, text->len);
    return 1;
}

int luaopen_secret(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"reference", l_reference}, {"resolve", l_resolve}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
