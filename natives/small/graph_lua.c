// Copies of Lua tables with everything that they lead to. In C because a table is made as large as
// it will be: half the work of the same in Lua, where it grows.
#include <lauxlib.h>
#include <lua.h>

enum { KNOWN = 2, QUEUE, SOURCE, COPY }; // places on the stack

// Pushes the copy of the table on top in its place: one that is known, or a new one that is to be
// filled later.
static void replace_by_copy(lua_State *L, lua_Integer *queued)
{
    int count = 0, list_len;

    lua_pushvalue(L, -1);
    if (lua_rawget(L, KNOWN) == LUA_TTABLE) {
        lua_remove(L, -2);
        return;
    }
    lua_pop(L, 1);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        count++;
        lua_pop(L, 1);
    }
    list_len = (int)lua_rawlen(L, -1);
    if (list_len > count) { // a list with gaps
        list_len = count;
    }
    lua_createtable(L, list_len, count - list_len);
    if (lua_getmetatable(L, -2)) {
        lua_setmetatable(L, -2);
    }
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, KNOWN);
    lua_pushvalue(L, -2);
    lua_rawseti(L, QUEUE, ++*queued);
    lua_remove(L, -2);
}

// Fills the table at COPY with what the table at SOURCE has.
static void fill(lua_State *L, lua_Integer *queued)
{
    lua_pushnil(L);
    while (lua_next(L, SOURCE)) {
        lua_pushvalue(L, -2);
        if (lua_istable(L, -1)) {
            replace_by_copy(L, queued);
        }
        lua_insert(L, -2); // key, its copy, value
        if (lua_istable(L, -1)) {
            replace_by_copy(L, queued);
        }
        lua_rawset(L, COPY);
    }
}

// graph.copy(table [, known]) -> a table that has all that this one has, and copies of the tables
// that it leads to, by keys and values, each once. Metatables, functions and everything else stay
// the same. known: what is to stand for a table instead of a copy of it; the copies are added.
// Not through metamethods.
static int l_copy(lua_State *L)
{
    lua_Integer queued = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_isnoneornil(L, KNOWN)) {
        lua_settop(L, 1);
        lua_newtable(L);
    }
    luaL_checktype(L, KNOWN, LUA_TTABLE);
    lua_settop(L, KNOWN);
    luaL_checkstack(L, 16, NULL);
    lua_newtable(L); // QUEUE
    lua_pushvalue(L, 1);
    replace_by_copy(L, &queued);
    lua_replace(L, 1); // what is given back
    for (lua_Integer i = 1; i <= queued; i++) {
        lua_rawgeti(L, QUEUE, i);
        lua_pushvalue(L, SOURCE);
        lua_rawget(L, KNOWN);
        fill(L, &queued);
        lua_settop(L, QUEUE);
    }
    lua_settop(L, 1);
    return 1;
}

int luaopen_graph(lua_State *L);

int luaopen_graph(lua_State *L)
{
    static const luaL_Reg functions[] = {{"copy", l_copy}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
