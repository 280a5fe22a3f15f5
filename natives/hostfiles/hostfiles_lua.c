// The module `fs`, opened here because its fs.open needs wmi; HostFiles: see lua/meta/small.lua.
#include <lauxlib.h>
#include <string.h>

#include "fs/fs_lua.h"
#include "hostfiles.h"
#include "runtime/await.h"
#include "runtime/lua_util.h"
#include "wmi/wmi_lua.h"

#define HANDLE    "HostFiles"
#define REQUEST   "hostfiles request"
#define LOOK_MS   120000
#define CHANGE_MS 300000 // a directory with disks in it may be copied

int luaopen_fs(lua_State *L);

struct request {
    struct tk_wmi *wmi;
    char *path, *to;
    const char *method;
    bool directory;
    struct tk_hostfile_list list;
    bool changed;
};

static struct tk_wmi *check_handle(lua_State *L)
{
    struct tk_wmi **handle = luaL_checkudata(L, 1, HANDLE);

    if (!*handle) {
        luaL_error(L, "the HostFiles object is closed");
    }
    return *handle;
}

static int l_free_request(lua_State *L)
{
    struct request *r = luaL_checkudata(L, 1, REQUEST);

    tk_wmi_close(r->wmi);
    tk_free(r->path);
    tk_free(r->to);
    tk_hostfile_list_clear(&r->list);
    memset(r, 0, sizeof *r);
    return 0;
}

// A path that this host may have: raises before anything is owned.
static const char *check_path(lua_State *L, int index)
{
    size_t len;
    const char *text = luaL_checklstring(L, index, &len);
    char *path = strlen(text) == len ? tk_hostfile_path(text) : NULL;
    bool good = path != NULL;

    tk_free(path);
    luaL_argcheck(L, good, index, "a path with its drive is needed, like G:\\Hyper-V");
    return text;
}

// Request for the path at 2 and, where `two`, the one at 3.
static struct request *new_request(lua_State *L, bool directory, bool two)
{
    struct tk_wmi *wmi = check_handle(L);
    const char *path, *to;
    struct request *r;

    lua_settop(L, two ? 3 : 2);
    path = check_path(L, 2);
    to = two ? check_path(L, 3) : NULL;
    r = lua_newuserdatauv(L, sizeof *r, 0);
    memset(r, 0, sizeof *r);
    luaL_setmetatable(L, REQUEST);
    r->wmi = tk_wmi_share(wmi);
    r->path = tk_hostfile_path(path);
    r->to = to ? tk_hostfile_path(to) : NULL;
    r->directory = directory;
    return r;
}

// ---- looking

static void push_file(lua_State *L, const struct tk_hostfile *f)
{
    lua_createtable(L, 0, 4);
    tk_set_string(L, "path", f->path);
    tk_set_string(L, "name", f->name);
    tk_set_integer(L, "size", f->size_bytes <= INT64_MAX ? (lua_Integer)f->size_bytes : INT64_MAX);
    tk_set_string(L, "modified", f->modified);
}

static int push_list(lua_State *L, void *self)
{
    const struct request *r = self;

    lua_createtable(L, (int)r->list.count, 0);
    for (size_t i = 0; i < r->list.count; i++) {
        push_file(L, &r->list.items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int push_found(lua_State *L, void *self)
{
    const struct request *r = self;

    if (r->list.count == 0) {
        lua_pushnil(L);
    } else {
        push_file(L, &r->list.items[0]);
    }
    return 1;
}

static int w_list(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = self;

    return tk_hostfile_ls(&r->list, r->wmi, r->path, limit, err);
}

// HostFiles:list(directory) -> list   [-2, +1, e]
static int l_list(lua_State *L)
{
    new_request(L, true, false);
    return tk_await(L, -1, LOOK_MS, w_list, push_list);
}

static int w_find(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = self;

    return tk_hostfile_find(&r->list, r->wmi, r->path, r->directory, limit, err);
}

// HostFiles:find(file) -> table | nil   [-2, +1, e]
static int l_find(lua_State *L)
{
    new_request(L, false, false);
    return tk_await(L, -1, LOOK_MS, w_find, push_found);
}

static int l_find_directory(lua_State *L)
{
    new_request(L, true, false);
    return tk_await(L, -1, LOOK_MS, w_find, push_found);
}

// ---- changing

static int w_move(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = self;

    return tk_hostfile_move(r->wmi, r->method, r->directory, r->path, r->to, limit, err);
}

static int push_nothing(lua_State *L, void *self)
{
    (void)L;
    (void)self;
    return 0;
}

static int move(lua_State *L, const char *method, bool directory)
{
    new_request(L, directory, true)->method = method;
    return tk_await(L, -1, CHANGE_MS, w_move, push_nothing);
}

// HostFiles:copy(from, to)   [-3, +0, e]
static int l_copy(lua_State *L)
{
    return move(L, "Copy", false);
}

static int l_copy_directory(lua_State *L)
{
    return move(L, "Copy", true);
}

static int l_rename(lua_State *L)
{
    return move(L, "Rename", false);
}

static int l_rename_directory(lua_State *L)
{
    return move(L, "Rename", true);
}

static int w_delete(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = self;

    return tk_hostfile_delete(&r->changed, r->wmi, r->path, r->directory, limit, err);
}

static int push_changed(lua_State *L, void *self)
{
    const struct request *r = self;

    lua_pushboolean(L, r->changed);
    return 1;
}

// HostFiles:delete(file) -> changed   [-2, +1, e]
static int l_delete(lua_State *L)
{
    new_request(L, false, false);
    return tk_await(L, -1, CHANGE_MS, w_delete, push_changed);
}

static int l_delete_directory(lua_State *L)
{
    new_request(L, true, false);
    return tk_await(L, -1, CHANGE_MS, w_delete, push_changed);
}

// ---- the handle

static int l_close(lua_State *L)
{
    struct tk_wmi **handle = luaL_checkudata(L, 1, HANDLE);

    tk_wmi_close(*handle);
    *handle = NULL;
    return 0;
}

static void register_types(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"list", l_list},
        {"find", l_find},
        {"find_directory", l_find_directory},
        {"copy", l_copy},
        {"copy_directory", l_copy_directory},
        {"rename", l_rename},
        {"rename_directory", l_rename_directory},
        {"delete", l_delete},
        {"delete_directory", l_delete_directory},
        {"close", l_close},
        {NULL, NULL},
    };

    luaL_newmetatable(L, REQUEST);
    lua_pushcfunction(L, l_free_request);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    tk_handle_type(L, HANDLE, methods, l_close);
}

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

// The module fs: files of this computer (fs_lua.c), and fs.open for those of a host.
int luaopen_fs(lua_State *L)
{
    register_types(L);
    tk_fs_functions(L);
    lua_pushcfunction(L, l_open);
    lua_setfield(L, -2, "open");
    return 1;
}
