// The module `hyperv`: see lua/meta/hyperv.lua. Every method reads its arguments, copies them into
// a request, and has one function of hyperv.h run on the thread pool. Here are the handle, requests
// and arguments; the methods are in hyperv_looks.c and hyperv_verbs.c.
#include "hyperv_lua.h"

#include <lauxlib.h>
#include <string.h>

#include "runtime/await.h"
#include "runtime/lua_util.h"
#include "wmi/wmi_lua.h"

#define HANDLE         "Hyperv"
#define REQUEST        "hyperv request"
#define JOB_TIMEOUT_MS 300000 // for scripts; a run gives its steps what it has
#define LOOK_MS        120000 // a look is one to four requests, which have limits of their own

int luaopen_hyperv(lua_State *L);

static struct tk_hyperv *check_handle(lua_State *L)
{
    struct tk_hyperv **handle = luaL_checkudata(L, 1, HANDLE);

    if (!*handle) {
        luaL_error(L, "the Hyperv object is closed");
    }
    return *handle;
}

// ---- requests

static int l_free_request(lua_State *L)
{
    struct tk_hyperv_request *r = luaL_checkudata(L, 1, REQUEST);

    tk_hyperv_close(r->h);
    for (size_t i = 0; i < sizeof r->text / sizeof r->text[0]; i++) {
        tk_free(r->text[i]);
    }
    tk_free(r->name);
    tk_vm_clear(&r->one);
    tk_vm_list_clear(&r->vms);
    tk_worker_list_clear(&r->workers);
    tk_vm_settings_clear(&r->settings);
    tk_vm_part_list_clear(&r->parts);
    tk_vm_verdict_clear(&r->verdict);
    tk_guest_items_clear(&r->items);
    tk_host_device_list_clear(&r->devices);
    tk_assignment_list_clear(&r->assignments);
    tk_hyperv_job_list_clear(&r->jobs);
    tk_gpu_list_clear(&r->gpus);
    tk_share_list_clear(&r->shares);
    memset(r, 0, sizeof *r);
    return 0;
}

struct tk_hyperv_request *tk_hyperv_request(lua_State *L)
{
    struct tk_hyperv *h = check_handle(L);
    struct tk_hyperv_request *r = lua_newuserdatauv(L, sizeof *r, 0);

    memset(r, 0, sizeof *r);
    luaL_setmetatable(L, REQUEST);
    r->h = tk_hyperv_share(h);
    return r;
}

int tk_hyperv_look_up(lua_State *L, tk_work work, tk_push push)
{
    return tk_await(L, -1, LOOK_MS, work, push);
}

int tk_hyperv_act(lua_State *L, tk_work work, tk_push push)
{
    return tk_await(L, -1, tk_hyperv_job_timeout_ms(check_handle(L)), work, push);
}

// ---- arguments

const char *tk_hyperv_check_text(lua_State *L, int index, const char *what)
{
    size_t len;
    const char *text = luaL_checklstring(L, index, &len);

    luaL_argcheck(L, len > 0 && strlen(text) == len, index, what);
    return text;
}

struct tk_vm_ref tk_hyperv_check_vm(lua_State *L, int index)
{
    struct tk_vm_ref ref = {.kind = TK_VM_ANY};
    bool good;

    if (lua_istable(L, index)) {
        if (lua_getfield(L, index, "planned") != LUA_TNIL) {
            ref.kind = lua_toboolean(L, -1) ? TK_VM_PLANNED : TK_VM_REGISTERED;
        }
        lua_getfield(L, index, "id");
    } else {
        lua_pushnil(L);
        lua_pushvalue(L, index);
    }
    good = lua_type(L, -1) == LUA_TSTRING && tk_guid_parse(lua_tostring(L, -1), ref.id);
    lua_pop(L, 2);
    luaL_argcheck(L, good, index, "a virtual machine (a table with its id) or its GUID is needed");
    return ref;
}

// ---- the handle

static int l_close(lua_State *L)
{
    struct tk_hyperv **handle = luaL_checkudata(L, 1, HANDLE);

    tk_hyperv_close(*handle);
    *handle = NULL;
    return 0;
}

// hyperv.open(connection, { job_timeout =, host =, node = }) -> Hyperv   [-2, +1, e]
static int l_open(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"job_timeout", TK_OPT_SECONDS, offsetof(struct tk_hyperv_options, job_timeout_ms), false},
        {"host", TK_OPT_STRING, offsetof(struct tk_hyperv_options, host), false},
        {"node", TK_OPT_STRING, offsetof(struct tk_hyperv_options, node), false},
        {NULL, 0, 0, false},
    };
    struct tk_hyperv_options options = {.job_timeout_ms = JOB_TIMEOUT_MS};
    struct tk_hyperv **handle;
    struct tk_wmi *wmi;

    lua_settop(L, 2);
    wmi = tk_wmi_check(L, 1);
    luaL_argcheck(L, tk_cim_same_name(tk_wmi_namespace_of(wmi), "root/virtualization/v2"), 1,
                  "a connection to root/virtualization/v2 is needed");
    tk_options(L, 2, "hyperv.open", spec, &options);
    handle = lua_newuserdatauv(L, sizeof(struct tk_hyperv *), 0);
    *handle = NULL;
    luaL_setmetatable(L, HANDLE);
    *handle = tk_hyperv_open(wmi, &options);
    return 1;
}

static size_t count_of(const luaL_Reg *list)
{
    size_t count = 0;

    while (list[count].name) {
        count++;
    }
    return count;
}

int luaopen_hyperv(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
    size_t looks = count_of(tk_hyperv_looks), verbs = count_of(tk_hyperv_verbs);
    luaL_Reg *methods = lua_newuserdatauv(L, (looks + verbs + 2) * sizeof *methods, 0);

    memcpy(methods, tk_hyperv_looks, looks * sizeof *methods);
    memcpy(methods + looks, tk_hyperv_verbs, verbs * sizeof *methods);
    methods[looks + verbs] = (luaL_Reg){"close", l_close};
    methods[looks + verbs + 1] = (luaL_Reg){NULL, NULL};
    tk_handle_type(L, HANDLE, methods, l_close);
    if (luaL_newmetatable(L, REQUEST)) {
        lua_pushcfunction(L, l_free_request);
        lua_setfield(L, -2, "__gc");
    }
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
