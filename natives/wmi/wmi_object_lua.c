// WMI's objects on their way to scripts (WmiObject in lua/meta/wmi.lua).
#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/lua_util.h"
#include "wmi_value_lua.h"

static void push_integer(lua_State *L, const char *text)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (*text == '\0' || *end || errno == ERANGE) {
        lua_pushstring(L, text); // past 2^63-1, or what is no number after all
    } else {
        lua_pushinteger(L, number);
    }
}

static void push_value(lua_State *L, const struct tk_cim_property *p, const struct tk_cim_value *v)
{
    char *end;
    double number;

    if (v->object) {
        tk_wmi_push_object(L, v->object);
    } else if (tk_cim_is_integer(p->type)) {
        push_integer(L, v->text);
    } else if (p->type == TK_CIM_BOOLEAN) {
        lua_pushboolean(L, strcmp(v->text, "true") == 0);
    } else if (p->type == TK_CIM_REAL32 || p->type == TK_CIM_REAL64) {
        number = strtod(v->text, &end);
        if (*end || end == v->text) {
            lua_pushstring(L, v->text);
        } else {
            lua_pushnumber(L, number);
        }
    } else {
        lua_pushstring(L, v->text);
    }
}

static void push_property(lua_State *L, const struct tk_cim_property *p)
{
    if (!p->is_array) {
        push_value(L, p, &p->values[0]);
        return;
    }
    lua_createtable(L, (int)p->count, 0);
    for (size_t i = 0; i < p->count; i++) {
        push_value(L, p, &p->values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

// Recursion is bounded by the readers.
void tk_wmi_push_object(lua_State *L, const struct tk_cim_object *o)
{
    luaL_checkstack(L, 8, "objects are embedded too deep");
    if (!o) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, 0, (int)o->count + 2);
    for (size_t i = 0; i < o->count; i++) {
        if (!o->properties[i].is_null) {
            push_property(L, &o->properties[i]);
            lua_setfield(L, -2, o->properties[i].name);
        }
    }
    tk_set_string(L, "__class", o->class_name);
    tk_set_string(L, "__path", o->path);
}

void tk_wmi_push_list(lua_State *L, const struct tk_cim_list *list)
{
    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        tk_wmi_push_object(L, list->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}
