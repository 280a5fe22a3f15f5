// The module `secret`: see lua/meta/small.lua and secret.h.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "runtime/lua_util.h"
#include "secret.h"

int luaopen_secret(lua_State *L);

static int l_forget(lua_State *L)
{
    tk_secret_forget(lua_touserdata(L, 1));
    return 0;
}

static const struct tk_option directory_option[] = {{"directory", TK_OPT_STRING, 0, false},
                                                    {NULL, 0, 0, false}};

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
    tk_options(L, 2, "secret.resolve", directory_option, &directory);
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

// secret.mistake(text) -> what is wrong | nil   [-1, +1, e]
static int l_mistake(lua_State *L)
{
    size_t len;
    const char *text;

    lua_settop(L, 1);
    text = luaL_checklstring(L, 1, &len);
    lua_pushstring(L, tk_secret_mistake(text, len));
    return 1;
}

// secret.store(name, text [, options])   [-3, +0, e]
static int l_store(lua_State *L)
{
    const char *name, *text, *mistake, *directory = NULL;
    struct tk_failure err;
    size_t len;

    lua_settop(L, 3);
    name = check_name(L, "secret.store");
    text = luaL_checklstring(L, 2, &len);
    tk_options(L, 3, "secret.store", directory_option, &directory);
    mistake = tk_secret_mistake(text, len);
    if (mistake) {
        return luaL_error(L, "secret.store: this cannot be a secret: %s", mistake);
    }
    if (tk_secret_store(name, text, len, directory, &err) != 0) {
        return tk_raise(L, &err);
    }
    return 0;
}

// secret.remove(name [, options]) -> changed   [-2, +1, e]
static int l_remove(lua_State *L)
{
    const char *name, *directory = NULL;
    struct tk_failure err;
    bool changed;

    lua_settop(L, 2);
    name = check_name(L, "secret.remove");
    tk_options(L, 2, "secret.remove", directory_option, &directory);
    if (tk_secret_remove(&changed, name, directory, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_pushboolean(L, changed);
    return 1;
}

struct entry {
    char *name, *kind, *problem;
};

struct entries {
    struct entry *list;
    size_t count;
};

static int l_free_entries(lua_State *L)
{
    struct entries *entries = lua_touserdata(L, 1);

    for (size_t i = 0; i < entries->count; i++) {
        tk_free(entries->list[i].name);
        tk_free(entries->list[i].kind);
        tk_free(entries->list[i].problem);
    }
    tk_free(entries->list);
    memset(entries, 0, sizeof *entries);
    return 0;
}

static void collect(void *self, const char *name, const char *kind, const char *problem)
{
    struct entries *entries = self;
    struct entry *entry;

    entries->list = tk_realloc(entries->list, (entries->count + 1) * sizeof *entries->list);
    entry = &entries->list[entries->count++];
    entry->name = tk_strdup(name);
    entry->kind = tk_strdup(kind);
    entry->problem = problem ? tk_strdup(problem) : NULL;
}

// secret.list([options]) -> { { name, kind, problem } ... }   [-1, +1, e]
static int l_list(lua_State *L)
{
    const char *directory = NULL;
    struct entries *entries;
    struct tk_failure err;

    lua_settop(L, 1);
    tk_options(L, 1, "secret.list", directory_option, &directory);
    entries = lua_newuserdatauv(L, sizeof *entries, 0);
    memset(entries, 0, sizeof *entries);
    if (luaL_newmetatable(L, "secret entries")) {
        lua_pushcfunction(L, l_free_entries);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    if (tk_secret_list(collect, entries, directory, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_createtable(L, (int)entries->count, 0);
    for (size_t i = 0; i < entries->count; i++) {
        lua_createtable(L, 0, 3);
        tk_set_string(L, "name", entries->list[i].name);
        tk_set_string(L, "kind", entries->list[i].kind);
        tk_set_string(L, "problem", entries->list[i].problem);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int luaopen_secret(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"reference", l_reference},
        {"resolve", l_resolve},
        {"mistake", l_mistake},
        {"store", l_store},
        {"remove", l_remove},
        {"list", l_list},
        {NULL, NULL},
    };

    luaL_newlib(L, functions);
    return 1;
}
