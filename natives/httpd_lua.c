#include <lauxlib.h>
#include <lua.h>

int luaopen_httpd(lua_State *L);

int luaopen_httpd(lua_State *L)
{
    lua_newtable(L);
    return 1;
}
