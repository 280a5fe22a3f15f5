// The functions of the module fs for files of this computer.
#ifndef TK_FS_LUA_H
#define TK_FS_LUA_H

#include <lua.h>

// Pushes a new table of them   [-0, +1, e]. hostfiles_lua.c adds fs.open and opens the module.
int tk_fs_functions(lua_State *L);

#endif
