// For the bindings that work on a script's Wmi connection: hyperv, pnp and the files of a host.
#ifndef TK_WMI_LUA_H
#define TK_WMI_LUA_H

#include <lua.h>

#include "wmi.h"

// The connection behind the Wmi object at `index`; raises where there is none or it is closed.
// Borrowed: who keeps it takes a share (tk_wmi_share).
struct tk_wmi *tk_wmi_check(lua_State *L, int index);

// Adds meaning and page to the table on top.
void tk_wmi_meaning_functions(lua_State *L);

#endif
