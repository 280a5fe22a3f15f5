// CIM values between C and Lua, for the binding of WMI.
#ifndef TK_WMI_VALUE_LUA_H
#define TK_WMI_VALUE_LUA_H

#include <lua.h>

#include "wmi/cim/cim.h"

// Pushes a WmiObject; nil for NULL.
void tk_wmi_push_object(lua_State *L, const struct tk_cim_object *o);
// Pushes a list of WmiObjects.
void tk_wmi_push_list(lua_State *L, const struct tk_cim_list *list);

// Reads the table of arguments at `index` (nil or none: no arguments) into `in`, which the caller
// owns through a userdata. Raises what does not fit, naming `function`.
void tk_wmi_read_arguments(lua_State *L, int index, const char *function, struct tk_cim_object *in);
// Adds value, ref, instance and null to the table on top.
void tk_wmi_value_functions(lua_State *L);

#endif
