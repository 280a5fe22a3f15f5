// The registration table: one line for each native.
#include "natives.h"

#include <lauxlib.h>

#define TK_NATIVES(X)                                                                              \
    X(loop)                                                                                        \
    X(failure)                                                                                     \
    X(console)                                                                                     \
    X(graph)                                                                                       \
    X(digest)                                                                                      \
    X(json)                                                                                        \
    X(eem)                                                                                         \
    X(wmi)                                                                                         \
    X(hyperv)                                                                                      \
    X(pnp)                                                                                         \
    X(ecx)                                                                                         \
    X(journal)                                                                                     \
    X(process)                                                                                     \
    X(secret)                                                                                      \
    X(log)                                                                                         \
    X(fs)                                                                                          \
    X(xml)                                                                                         \
    X(seal)                                                                                        \
    X(http)                                                                                        \
    X(httpd)

#define TK_NATIVE_DECLARE(name) int luaopen_##name(lua_State *L);
TK_NATIVES(TK_NATIVE_DECLARE)
int luaopen_cjson_safe(lua_State *L); // lua-cjson; only json_lua.c uses it

#define TK_NATIVE_ENTRY(name) {#name, luaopen_##name},
static const luaL_Reg natives[] = {TK_NATIVES(TK_NATIVE_ENTRY){"cjson.safe", luaopen_cjson_safe},
                                   {NULL, NULL}};

void tk_natives_register(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(L, natives, 0);
    lua_pop(L, 1);
}
