#ifndef TK_NATIVES_H
#define TK_NATIVES_H

#include <lua.h>

// Makes every native available to require(), and nothing else in C.
void tk_natives_register(lua_State *L);

#endif
