// The module digest: SHA-2, by which a certificate names the exact Lua files that were explored.
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>

#include "sha2.h"

// digest.sha256(text) -> 64 hex digits, lower case
static int l_sha256(lua_State *L)
{
    size_t len_bytes;
    const char *text = luaL_checklstring(L, 1, &len_bytes);
    unsigned char hash[32];
    char hex[65];

    tk_sha256(text, len_bytes, hash);
    for (int i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }
    lua_pushstring(L, hex);
    return 1;
}

int luaopen_digest(lua_State *L);

int luaopen_digest(lua_State *L)
{
    static const luaL_Reg functions[] = {{"sha256", l_sha256}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
