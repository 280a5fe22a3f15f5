// Files on a host, for the module fs: fs.open(connection) -> HostFiles, see lua/meta/small.lua.
#ifndef TK_HOSTFILES_LUA_H
#define TK_HOSTFILES_LUA_H

#include <lua.h>

// Registers the handle type; once, before the first open.
void tk_hostfiles_register(lua_State *L);
// fs.open(connection) -> HostFiles   [-1, +1, e]
int tk_hostfiles_open(lua_State *L);

#endif
