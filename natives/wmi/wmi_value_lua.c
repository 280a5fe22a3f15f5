// Lua values on their way to WMI: arguments of methods, and the typed values that scripts make with
// wmi.value, wmi.ref and wmi.instance (lua/meta/wmi.lua). Those are converted when they are made,
// so that a mistake shows in the script's own line.
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/lua_util.h"
#include "wmi_value_lua.h"

#define TYPED "wmi.value"
#define VALUE "value" // name of the only property of a typed value

static char null_key; // registry: wmi.null

// Userdata: an instance, or a typed value as an object with one property.
struct typed {
    struct tk_cim_object *object;
    bool is_instance;
};

// ---- in: scalars

// Where a value goes, and whom to name when it does not fit.
struct target {
    const char *function;
    const char *name;
    struct tk_cim_object *object;
    enum tk_cim_type type; // TK_CIM_UNKNOWN: by the Lua type
    bool is_array;
    bool exact; // an embedded instance: a whole number needs a type
};

static int misfit(lua_State *L, const struct target *t, int index, const char *wanted)
{
    luaL_tolstring(L, index, NULL);
    return luaL_error(L, "%s: %s must be %s, not %s", t->function, t->name, wanted,
                      lua_tostring(L, -1));
}

static bool is_null(lua_State *L, int index)
{
    bool same;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &null_key);
    same = lua_rawequal(L, -1, index);
    lua_pop(L, 1);
    return same;
}

static void put(const struct target *t, enum tk_cim_type type, const char *text)
{
    if (t->is_array) {
        tk_cim_add(t->object, t->name, type, text);
    } else {
        tk_cim_set(t->object, t->name, type, text);
    }
}

static bool in_range(enum tk_cim_type type, lua_Integer n)
{
    switch (type) {
    case TK_CIM_SINT8:
        return n >= INT8_MIN && n <= INT8_MAX;
    case TK_CIM_SINT16:
        return n >= INT16_MIN && n <= INT16_MAX;
    case TK_CIM_SINT32:
        return n >= INT32_MIN && n <= INT32_MAX;
    case TK_CIM_UINT8:
        return n >= 0 && n <= UINT8_MAX;
    case TK_CIM_UINT16:
        return n >= 0 && n <= UINT16_MAX;
    case TK_CIM_UINT32:
        return n >= 0 && n <= UINT32_MAX;
    case TK_CIM_UINT64:
        return n >= 0;
    default:
        return true;
    }
}

static bool is_unsigned_text(const char *text)
{
    errno = 0;
    (void)strtoull(text, NULL, 10);
    return *text && errno == 0 && text[strspn(text, "0123456789")] == '\0';
}

static void put_integer(lua_State *L, const struct target *t, int index)
{
    char text[32];
    int whole;
    lua_Integer n;

    if (lua_type(L, index) == LUA_TSTRING && t->type == TK_CIM_UINT64 &&
        is_unsigned_text(lua_tostring(L, index))) { // past 2^63-1, as WmiObjects have it
        put(t, t->type, lua_tostring(L, index));
        return;
    }
    n = lua_tointegerx(L, index, &whole);
    if (!whole || lua_type(L, index) != LUA_TNUMBER || !in_range(t->type, n)) {
        lua_pushfstring(L, "a whole number that fits %s", tk_cim_type_name(t->type));
        misfit(L, t, index, lua_tostring(L, -1));
    }
    snprintf(text, sizeof text, "%lld", (long long)n);
    put(t, t->type, text);
}

static const char *plain_text(lua_State *L, const struct target *t, int index, const char *wanted)
{
    size_t len;
    const char *text;

    if (lua_type(L, index) != LUA_TSTRING) {
        misfit(L, t, index, wanted);
    }
    text = lua_tolstring(L, index, &len);
    if (strlen(text) != len) {
        luaL_error(L, "%s: %s contains a zero byte", t->function, t->name);
    }
    return text;
}

static void put_datetime(lua_State *L, const struct target *t, int index)
{
    static const char wanted[] = "a datetime like \"20240501123456.000000+000\" or "
                                 "\"00000000004500.000000:000\"";
    char *dmtf = tk_cim_datetime_to_dmtf(plain_text(L, t, index, wanted));

    if (!dmtf) {
        misfit(L, t, index, wanted);
    }
    put(t, TK_CIM_DATETIME, dmtf);
    tk_free(dmtf);
}

static void put_reference(lua_State *L, const struct target *t, int index)
{
    const char *path = plain_text(L, t, index, "an object path");
    struct tk_cim_path parsed;
    struct tk_failure err;

    if (tk_cim_path_parse(&parsed, path, &err) != 0) {
        luaL_error(L, "%s: %s: %s", t->function, t->name, err.message);
    }
    tk_cim_path_free(&parsed);
    put(t, TK_CIM_REFERENCE, path);
}

static void put_real(lua_State *L, const struct target *t, int index)
{
    char text[40];

    if (lua_type(L, index) != LUA_TNUMBER) {
        misfit(L, t, index, "a number");
    }
    snprintf(text, sizeof text, "%.17g", (double)lua_tonumber(L, index));
    put(t, t->type, text);
}

// A plain Lua value without a known type.
static void put_untyped(lua_State *L, struct target *t, int index)
{
    int whole;

    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        put(t, TK_CIM_BOOLEAN, lua_toboolean(L, index) ? "true" : "false");
        return;
    case LUA_TSTRING:
        put(t, TK_CIM_STRING, plain_text(L, t, index, "text"));
        return;
    case LUA_TNUMBER:
        if (t->exact) {
            luaL_error(L, "%s: the type of %s is not known; say it: wmi.value(\"uint32\", %s)",
                       t->function, t->name, luaL_tolstring(L, index, NULL));
        }
        (void)lua_tointegerx(L, index, &whole);
        t->type = whole ? TK_CIM_SINT64 : TK_CIM_REAL64;
        if (whole) {
            put_integer(L, t, index);
        } else {
            put_real(L, t, index);
        }
        t->type = TK_CIM_UNKNOWN;
        return;
    default:
        misfit(L, t, index,
               "true, false, a number, text, a list, or made by wmi.value, wmi.ref, "
               "wmi.instance");
    }
}

static void put_scalar(lua_State *L, struct target *t, int index)
{
    switch (t->type) {
    case TK_CIM_UNKNOWN:
    case TK_CIM_INSTANCE:
        put_untyped(L, t, index);
        break;
    case TK_CIM_BOOLEAN:
        if (!lua_isboolean(L, index)) {
            misfit(L, t, index, "true or false");
        }
        put(t, TK_CIM_BOOLEAN, lua_toboolean(L, index) ? "true" : "false");
        break;
    case TK_CIM_REAL32:
    case TK_CIM_REAL64:
        put_real(L, t, index);
        break;
    case TK_CIM_STRING:
    case TK_CIM_CHAR16:
        put(t, t->type, plain_text(L, t, index, "text"));
        break;
    case TK_CIM_DATETIME:
        put_datetime(L, t, index);
        break;
    case TK_CIM_REFERENCE:
        put_reference(L, t, index);
        break;
    default:
        put_integer(L, t, index);
        break;
    }
}

// ---- in: everything

static void put_typed(const struct target *t, const struct typed *typed)
{
    const struct tk_cim_property *p;

    if (typed->is_instance) {
        if (t->is_array) {
            tk_cim_add_instance(t->object, t->name, tk_cim_copy(typed->object));
        } else {
            tk_cim_set_instance(t->object, t->name, tk_cim_copy(typed->object));
        }
        return;
    }
    p = &typed->object->properties[0];
    if (p->is_null) {
        (p->is_array ? tk_cim_set_null_array : tk_cim_set_null)(t->object, t->name, p->type);
        return;
    }
    if (p->is_array && !tk_cim_find(t->object, t->name)) {
        tk_cim_set_array(t->object, t->name, p->type);
    }
    for (size_t i = 0; i < p->count; i++) {
        if (t->is_array || p->is_array) {
            tk_cim_add(t->object, t->name, p->type, p->values[i].text);
        } else {
            tk_cim_set(t->object, t->name, p->type, p->values[i].text);
        }
    }
}

static void put_one(lua_State *L, struct target *t, int index)
{
    const struct typed *typed = luaL_testudata(L, index, TYPED);

    if (typed) {
        put_typed(t, typed);
    } else {
        put_scalar(L, t, index);
    }
}

static void put_list(lua_State *L, struct target *t, int index)
{
    lua_Integer count = luaL_len(L, index);

    if (count == 0) {
        lua_pushnil(L);
        if (lua_next(L, index)) {
            luaL_error(L, "%s: %s is a table with names; wmi.instance(class, table) makes one",
                       t->function, t->name);
        }
        tk_cim_set_array(t->object, t->name, t->type);
    }
    t->is_array = true;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, index, i);
        if (is_null(L, lua_gettop(L)) || lua_isnil(L, -1)) {
            luaL_error(L, "%s: %s must not have null inside a list", t->function, t->name);
        }
        put_one(L, t, lua_gettop(L));
        lua_pop(L, 1);
    }
}

static void read_value(lua_State *L, struct target *t, int index)
{
    if (is_null(L, index)) {
        (t->is_array ? tk_cim_set_null_array : tk_cim_set_null)(t->object, t->name, t->type);
        return;
    }
    if (lua_type(L, index) == LUA_TTABLE) {
        put_list(L, t, index);
    } else {
        put_one(L, t, index); // where a list is known to belong: a list of one
    }
}

// The properties of the table at `index` into `object`, in the order of their names, so that the
// same call is always the same text. `class_name`: of an embedded instance, NULL for arguments.
static void read_table(lua_State *L, int index, const char *function, const char *class_name,
                       struct tk_cim_object *object)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        struct target t = {.function = function, .object = object, .exact = class_name != NULL};

        if (lua_type(L, -2) != LUA_TSTRING) {
            luaL_error(L, "%s: a table with names is needed, not a list", function);
        }
        t.name = lua_tostring(L, -2);
        if (class_name) {
            t.type = tk_cim_known_type(class_name, t.name, &t.is_array);
        }
        if (strncmp(t.name, "__", 2) != 0) { // __class and __path of a WmiObject
            read_value(L, &t, lua_gettop(L));
        }
        lua_pop(L, 1);
    }
    tk_cim_sort(object);
}

void tk_wmi_read_arguments(lua_State *L, int index, const char *function, struct tk_cim_object *in)
{
    if (lua_isnoneornil(L, index)) {
        return;
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: the arguments must be a table by name, not %s", function,
                   luaL_typename(L, index));
    }
    read_table(L, lua_absindex(L, index), function, NULL, in);
}

// ---- wmi.value and its like

static int free_typed(lua_State *L)
{
    struct typed *typed = luaL_checkudata(L, 1, TYPED);

    tk_cim_free(typed->object);
    typed->object = NULL;
    return 0;
}

static struct typed *new_typed(lua_State *L, const char *class_name)
{
    struct typed *typed = lua_newuserdatauv(L, sizeof *typed, 0);

    typed->object = NULL;
    typed->is_instance = false;
    luaL_setmetatable(L, TYPED);
    typed->object = tk_cim_new(class_name);
    return typed;
}

// wmi.value(type, value): value a scalar, a list of such, or wmi.null
static int l_value(lua_State *L)
{
    struct target t = {.function = "wmi.value", .name = VALUE};
    const char *name;

    lua_settop(L, 2);
    name = luaL_checkstring(L, 1);
    luaL_checkany(L, 2);
    t.type = tk_cim_type_find(name);
    if (t.type == TK_CIM_UNKNOWN || t.type == TK_CIM_INSTANCE) {
        return luaL_argerror(L, 1,
                             "is no CIM type (boolean, sint8 ... uint64, real32, real64, "
                             "char16, string, datetime, reference)");
    }
    if (lua_isnil(L, 2)) {
        return luaL_argerror(L, 2, "is nil; wmi.null sends null");
    }
    t.object = new_typed(L, "")->object;
    read_value(L, &t, 2);
    lua_settop(L, 3);
    return 1;
}

static int l_ref(lua_State *L)
{
    struct target t = {.function = "wmi.ref", .name = VALUE, .type = TK_CIM_REFERENCE};

    lua_settop(L, 1);
    luaL_checkstring(L, 1);
    t.object = new_typed(L, "")->object;
    read_value(L, &t, 1);
    lua_settop(L, 2);
    return 1;
}

static int l_instance(lua_State *L)
{
    struct typed *typed;
    const char *class_name;

    lua_settop(L, 2);
    class_name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    typed = new_typed(L, class_name);
    typed->is_instance = true;
    read_table(L, 2, "wmi.instance", class_name, typed->object);
    lua_settop(L, 3);
    return 1;
}

// For messages and logs.
static int typed_tostring(lua_State *L)
{
    const struct typed *typed = luaL_checkudata(L, 1, TYPED);
    const struct tk_cim_property *p;

    if (typed->is_instance) {
        lua_pushfstring(L, "instance of %s", typed->object->class_name);
        return 1;
    }
    p = &typed->object->properties[0];
    lua_pushfstring(L, "%s%s %s", tk_cim_type_name(p->type), p->is_array ? "[]" : "",
                    p->count > 0 ? p->values[0].text
                    : p->is_null ? "null"
                                 : "");
    return 1;
}

static int null_tostring(lua_State *L)
{
    lua_pushliteral(L, "wmi.null");
    return 1;
}

void tk_wmi_value_functions(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"value", l_value}, {"ref", l_ref}, {"instance", l_instance}, {NULL, NULL}};

    luaL_newmetatable(L, TYPED);
    lua_pushcfunction(L, free_typed);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, typed_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "value");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);

    luaL_setfuncs(L, functions, 0);
    lua_newuserdatauv(L, 0, 0);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, null_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "null");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &null_key);
    lua_setfield(L, -2, "null");
}
