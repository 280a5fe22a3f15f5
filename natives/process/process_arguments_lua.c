// What scripts give to process.run and process.start: program, arguments, environment, streams. See
// process_lua.h.
#include <lauxlib.h>
#include <string.h>

#include "process_lua.h"
#include "runtime/lua_util.h"

#define ARGUMENTS_MAX 4096

static const char *plain_text(lua_State *L, int index, const char *function, const char *what)
{
    size_t len;
    const char *text;

    if (lua_type(L, index) != LUA_TSTRING && lua_type(L, index) != LUA_TNUMBER) {
        luaL_error(L, "%s: %s must be text, not %s", function, what, luaL_typename(L, index));
    }
    text = lua_tolstring(L, index, &len);
    if (strlen(text) != len) {
        luaL_error(L, "%s: %s contains a zero byte", function, what);
    }
    return text;
}

const char **tk_process_arguments(lua_State *L, const char *function)
{
    lua_Integer count;
    const char **args;
    int texts, options;

    luaL_checktype(L, 1, LUA_TTABLE);
    count = luaL_len(L, 1);
    if (count < 1 || count > ARGUMENTS_MAX) {
        luaL_error(L, "%s: the program is missing: %s{ \"program\", \"argument\", ... }", function,
                   function);
    }
    lua_createtable(L, (int)count, 0);
    texts = lua_gettop(L);
    args = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *args, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, 1, i);
        args[i - 1] = plain_text(L, -1, function, i == 1 ? "the program" : "an argument");
        lua_rawseti(L, texts, i); // a number has become text on the stack: kept here
    }
    args[count] = NULL;
    lua_newtable(L);
    options = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= count) {
            lua_pop(L, 1);
            continue;
        }
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, options);
    }
    return args;
}

static int l_free_environment(lua_State *L)
{
    char ***holder = lua_touserdata(L, 1);

    tk_child_environment_free(*holder);
    *holder = NULL;
    return 0;
}

char **tk_process_environment(lua_State *L, int index, const char *function)
{
    const char **names, **values;
    char ***holder;
    size_t count = 0, i = 0;

    if (index == 0) { // no changes, but not everything is inherited
        lua_newtable(L);
        index = lua_gettop(L);
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: env must be a table, not %s", function, luaL_typename(L, index));
    }
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            luaL_error(L, "%s: the names in env must be text", function);
        }
        plain_text(L, -2, function, "a name in env");
        if (lua_type(L, -1) != LUA_TSTRING && !(lua_isboolean(L, -1) && !lua_toboolean(L, -1))) {
            luaL_error(L, "%s: env.%s must be text, or false to remove it", function,
                       lua_tostring(L, -2));
        }
        if (lua_type(L, -1) == LUA_TSTRING) {
            plain_text(L, -1, function, "a value in env");
        }
        count++;
    }
    holder = lua_newuserdatauv(L, sizeof *holder, 0);
    *holder = NULL;
    if (luaL_newmetatable(L, "process environment")) {
        lua_pushcfunction(L, l_free_environment);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    values = lua_newuserdatauv(L, (count + 1) * sizeof *values, 0);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        names[i] = lua_tostring(L, -2);
        values[i++] = lua_tostring(L, -1); // NULL for false
    }
    *holder = tk_child_environment(names, values, count);
    lua_pop(L, 2);
    return *holder;
}

enum tk_child_stream tk_process_stream(lua_State *L, const char *name, const char *value)
{
    static const struct {
        const char *word;
        enum tk_child_stream stream;
    } words[] = {
        {"pipe", TK_CHILD_PIPE}, {"inherit", TK_CHILD_INHERIT}, {"discard", TK_CHILD_DISCARD}};

    if (!value) {
        return TK_CHILD_INHERIT;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, value) == 0) {
            return words[i].stream;
        }
    }
    luaL_error(L, "process.start: %s must be \"pipe\", \"inherit\" or \"discard\", not \"%s\"",
               name, value);
    return TK_CHILD_INHERIT;
}
