// The module `pnp`: see lua/meta/pnp.lua.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "pnp.h"
#include "runtime/await.h"
#include "runtime/lua_util.h"
#include "wmi/wmi_lua.h"

#define HANDLE     "Pnp"
#define REQUEST    "pnp request"
#define TIMEOUT_MS 120000

int luaopen_pnp(lua_State *L);

struct request {
    struct tk_wmi *wmi;
    struct tk_pnp_filter filter;
    char *id;
    bool enable;
    struct tk_pnp_list list;
    bool changed, reboot_needed;
};

static struct tk_wmi *check_handle(lua_State *L)
{
    struct tk_wmi **handle = luaL_checkudata(L, 1, HANDLE);

    if (!*handle) {
        luaL_error(L, "the Pnp object is closed");
    }
    return *handle;
}

static int l_free_request(lua_State *L)
{
    struct request *r = luaL_checkudata(L, 1, REQUEST);

    tk_wmi_close(r->wmi);
    tk_free(r->filter.class_name);
    tk_free(r->filter.manufacturer);
    tk_free(r->filter.vendor);
    tk_free(r->filter.device);
    tk_free(r->filter.location);
    tk_free(r->filter.id);
    tk_free(r->id);
    tk_pnp_list_clear(&r->list);
    memset(r, 0, sizeof *r);
    return 0;
}

static struct request *new_request(lua_State *L)
{
    struct tk_wmi *wmi = check_handle(L);
    struct request *r = lua_newuserdatauv(L, sizeof *r, 0);

    memset(r, 0, sizeof *r);
    luaL_setmetatable(L, REQUEST);
    r->wmi = tk_wmi_share(wmi);
    return r;
}

// ---- devices

static void push_device(lua_State *L, const struct tk_pnp_device *d)
{
    lua_createtable(L, 0, 12);
    tk_set_string(L, "id", d->id);
    tk_set_string(L, "name", d->name);
    tk_set_string(L, "class", d->class_name);
    tk_set_string(L, "manufacturer", d->manufacturer);
    tk_set_string(L, "vendor", d->vendor[0] ? d->vendor : NULL);
    tk_set_string(L, "device", d->device[0] ? d->device : NULL);
    tk_set_string(L, "subclass", d->subclass[0] ? d->subclass : NULL);
    tk_set_string(L, "location", d->location_count > 0 ? d->locations[0] : NULL);
    lua_createtable(L, (int)d->location_count, 0);
    for (size_t i = 0; i < d->location_count; i++) {
        lua_pushstring(L, d->locations[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "locations");
    tk_set_string(L, "status", tk_pnp_status_name(d->status));
    tk_set_integer(L, "problem", (lua_Integer)d->problem);
    tk_set_boolean(L, "dismounted", d->dismounted);
}

static int push_devices(lua_State *L, void *self)
{
    const struct request *r = self;

    lua_createtable(L, (int)r->list.count, 0);
    for (size_t i = 0; i < r->list.count; i++) {
        push_device(L, &r->list.items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int w_devices(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = self;

    return tk_pnp_devices(&r->list, r->wmi, &r->filter, limit, err);
}

struct filter_options {
    const char *class_name, *manufacturer, *vendor, *device, *location, *id;
    bool locations, absent;
};

// Pnp:devices([filter]) -> list   [-2, +1, e]
static int l_devices(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"class", TK_OPT_STRING, offsetof(struct filter_options, class_name), false},
        {"manufacturer", TK_OPT_STRING, offsetof(struct filter_options, manufacturer), false},
        {"vendor", TK_OPT_STRING, offsetof(struct filter_options, vendor), false},
        {"device", TK_OPT_STRING, offsetof(struct filter_options, device), false},
        {"location", TK_OPT_STRING, offsetof(struct filter_options, location), false},
        {"id", TK_OPT_STRING, offsetof(struct filter_options, id), false},
        {"locations", TK_OPT_BOOLEAN, offsetof(struct filter_options, locations), false},
        {"absent", TK_OPT_BOOLEAN, offsetof(struct filter_options, absent), false},
        {NULL, 0, 0, false},
    };
    struct filter_options o = {.locations = true};
    struct request *r;

    lua_settop(L, 2);
    tk_options(L, 2, "Pnp:devices", spec, &o);
    r = new_request(L);
    r->filter = (struct tk_pnp_filter){
        .class_name = tk_strdup(o.class_name),
        .manufacturer = tk_strdup(o.manufacturer),
        .vendor = tk_strdup(o.vendor),
        .device = tk_strdup(o.device),
        .location = tk_strdup(o.location),
        .id = tk_strdup(o.id),
        .locations = o.locations,
        .absent = o.absent,
    };
    return tk_await(L, -1, TIMEOUT_MS, w_devices, push_devices);
}

// ---- changes

static int w_switch(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = self;

    return tk_pnp_switch(&r->changed, &r->reboot_needed, r->wmi, r->id, r->enable, limit, err);
}

static int push_switch(lua_State *L, void *self)
{
    const struct request *r = self;

    lua_pushboolean(L, r->changed);
    lua_pushboolean(L, r->reboot_needed);
    return 2;
}

static int switch_driver(lua_State *L, bool enable)
{
    const char *id;
    struct request *r;
    size_t len;

    lua_settop(L, 2);
    id = luaL_checklstring(L, 2, &len);
    luaL_argcheck(L, len > 0 && strlen(id) == len, 2, "an instance id is needed");
    r = new_request(L);
    r->id = tk_strdup(id);
    r->enable = enable;
    return tk_await(L, -1, TIMEOUT_MS, w_switch, push_switch);
}

// Pnp:disable(id) -> changed, reboot_needed   [-2, +2, e]
static int l_disable(lua_State *L)
{
    return switch_driver(L, false);
}

static int l_enable(lua_State *L)
{
    return switch_driver(L, true);
}

static int w_rescan(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = self;

    return tk_pnp_rescan(r->wmi, limit, err);
}

static int push_nothing(lua_State *L, void *self)
{
    (void)L;
    (void)self;
    return 0;
}

// Pnp:rescan()   [-1, +0, e]
static int l_rescan(lua_State *L)
{
    lua_settop(L, 1);
    new_request(L);
    return tk_await(L, -1, TIMEOUT_MS, w_rescan, push_nothing);
}

// ---- the handle

static int l_close(lua_State *L)
{
    struct tk_wmi **handle = luaL_checkudata(L, 1, HANDLE);

    tk_wmi_close(*handle);
    *handle = NULL;
    return 0;
}

// pnp.open(connection) -> Pnp   [-1, +1, e]
static int l_open(lua_State *L)
{
    struct tk_wmi **handle, *wmi;

    lua_settop(L, 1);
    wmi = tk_wmi_check(L, 1);
    luaL_argcheck(L, tk_cim_same_name(tk_wmi_namespace_of(wmi), "root/cimv2"), 1,
                  "a connection to root/cimv2 is needed");
    handle = lua_newuserdatauv(L, sizeof(struct tk_wmi *), 0);
    *handle = NULL;
    luaL_setmetatable(L, HANDLE);
    *handle = tk_wmi_share(wmi);
    return 1;
}

int luaopen_pnp(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"devices", l_devices}, {"disable", l_disable}, {"enable", l_enable},
        {"rescan", l_rescan},   {"close", l_close},     {NULL, NULL},
    };

    tk_handle_type(L, HANDLE, methods, l_close);
    if (luaL_newmetatable(L, REQUEST)) {
        lua_pushcfunction(L, l_free_request);
        lua_setfield(L, -2, "__gc");
    }
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
