// Files of this computer for the module `fs`: see lua/meta/small.lua and fs.h.
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "fs_lua.h"
#include "platform/platform.h"
#include "runtime/lua_util.h"
#include "runtime/memory.h"

#define BUFFER       "fs buffer"
#define LOCK         "fs lock"
#define READ_MAX     (UINT64_C(64) << 20)
#define DEFAULT_MODE 0644

static int l_free_buffer(lua_State *L)
{
    tk_buffer_free(lua_touserdata(L, 1));
    return 0;
}

// Pushes an empty buffer that the collector frees.
static struct tk_buffer *new_buffer(lua_State *L)
{
    struct tk_buffer *b = lua_newuserdatauv(L, sizeof *b, 0);

    memset(b, 0, sizeof *b);
    if (luaL_newmetatable(L, BUFFER)) {
        lua_pushcfunction(L, l_free_buffer);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return b;
}

static const char *check_path(lua_State *L)
{
    size_t len;
    const char *path = luaL_checklstring(L, 1, &len);

    luaL_argcheck(L, len > 0, 1, "an empty path");
    luaL_argcheck(L, strlen(path) == len, 1, "the path contains a zero byte");
    return path;
}

// ---- what others may do ------------------------------------------------------------------------

static enum tk_judge check_judge(lua_State *L, const char *function, const char *word)
{
    if (strcmp(word, "change") != 0 && strcmp(word, "code") != 0) {
        luaL_error(L, "%s: judge must be \"change\" or \"code\", not \"%s\"", function, word);
    }
    return strcmp(word, "code") == 0 ? TK_JUDGE_CODE : TK_JUDGE_CHANGE;
}

static int unsafe(const char *path, const char *why, struct tk_failure *err)
{
    tk_fail(err, TK_FS_UNSAFE, "%s may be changed by others: %s", path, why);
    tk_fail_hint(err, "take the write permission away, or use --trust-writable-files");
    return tk_fail_target(err, path);
}

struct read_options {
    uint64_t max_bytes;
    const char *judge;
};

// fs.read(path [, options]) -> text   [-2, +1, e]
static int l_read(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"max", TK_OPT_SIZE, offsetof(struct read_options, max_bytes), false},
        {"judge", TK_OPT_STRING, offsetof(struct read_options, judge), false},
        {NULL, 0, 0, false},
    };
    struct read_options o = {.max_bytes = READ_MAX};
    const char *path;
    struct tk_failure err;
    struct tk_buffer *text, *why;
    int result;

    lua_settop(L, 2);
    path = check_path(L);
    tk_options(L, 2, "fs.read", spec, &o);
    text = new_buffer(L);
    why = new_buffer(L);
    result = o.judge ? tk_platform_read_judged(text, why, path, o.max_bytes,
                                               check_judge(L, "fs.read", o.judge), &err)
                     : tk_fs_read(text, path, o.max_bytes, &err);
    if (result == 0 && why->len > 0) {
        result = unsafe(path, why->text, &err);
    }
    if (result != 0) {
        return tk_raise(L, &err);
    }
    lua_pushlstring(L, text->text ? text->text : "", text->len);
    tk_buffer_free(text);
    return 1;
}

static unsigned check_mode(lua_State *L, const char *text)
{
    char *end;
    unsigned long mode = strtoul(text, &end, 8);

    if (end == text || *end || mode > 07777) {
        luaL_error(L, "fs.write: mode must be octal digits like \"0600\", not \"%s\"", text);
    }
    return (unsigned)mode;
}

// fs.write(path, text [, options])   [-3, +0, e]
static int l_write(lua_State *L)
{
    static const struct tk_option spec[] = {{"mode", TK_OPT_STRING, 0, false}, {NULL, 0, 0, false}};
    const char *path, *text, *mode = NULL;
    struct tk_failure err;
    unsigned bits = DEFAULT_MODE;
    size_t len;

    lua_settop(L, 3);
    path = check_path(L);
    text = luaL_checklstring(L, 2, &len);
    tk_options(L, 3, "fs.write", spec, &mode);
    if (mode) {
        bits = check_mode(L, mode);
    }
    return tk_fs_write(path, text, len, bits, &err) == 0 ? 0 : tk_raise(L, &err);
}

// fs.find(path) -> table | nil   [-1, +1, e]
static int l_find(lua_State *L)
{
    const char *path = check_path(L);
    struct tk_fs_info info;
    struct tk_failure err;
    bool found;

    if (tk_fs_find(&info, &found, path, &err) != 0) {
        return tk_raise(L, &err);
    }
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 5);
    tk_set_string(L, "kind", info.kind);
    tk_set_integer(L, "size", (lua_Integer)info.size_bytes);
    lua_pushnumber(L, info.modified);
    lua_setfield(L, -2, "modified");
    tk_set_integer(L, "owner", (lua_Integer)info.owner);
    tk_set_integer(L, "mode", (lua_Integer)info.mode);
    return 1;
}

// The names go into one buffer first, each with its zero byte, because Lua may raise.
static void add_name(void *self, const char *name)
{
    tk_buffer_add(self, name, strlen(name) + 1);
}

// fs.list(directory) -> sorted names   [-1, +1, e]
static int l_list(lua_State *L)
{
    const char *path;
    struct tk_buffer *names;
    struct tk_failure err;
    lua_Integer count = 0;

    lua_settop(L, 1);
    path = check_path(L);
    names = new_buffer(L);
    if (tk_fs_list(path, add_name, names, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_newtable(L);
    for (size_t i = 0; i < names->len; i += strlen(names->text + i) + 1) {
        lua_pushstring(L, names->text + i);
        lua_rawseti(L, -2, ++count);
    }
    tk_buffer_free(names);
    lua_getglobal(L, "table");
    lua_getfield(L, -1, "sort");
    lua_pushvalue(L, 3);
    lua_call(L, 1, 0);
    lua_settop(L, 3);
    return 1;
}

// fs.make_directory(path) -> changed   [-1, +1, e]
static int l_make_directory(lua_State *L)
{
    const char *path = check_path(L);
    struct tk_failure err;
    bool changed;

    if (tk_fs_make_directory(path, &changed, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_pushboolean(L, changed);
    return 1;
}

// fs.remove(path) -> changed   [-1, +1, e]
static int l_remove(lua_State *L)
{
    const char *path = check_path(L);
    struct tk_failure err;
    bool changed;

    if (tk_fs_remove(path, &changed, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_pushboolean(L, changed);
    return 1;
}

// fs.private_directory(path)   [-1, +0, e]; raises FS_UNSAFE, FS_FAILED
static int l_private_directory(lua_State *L)
{
    const char *path;
    char *parent;
    struct tk_buffer *why;
    struct tk_failure err;
    bool unused;
    int result;

    lua_settop(L, 1);
    path = check_path(L);
    why = new_buffer(L);
    parent = tk_fs_directory(path);
    result = tk_fs_make_directory(parent, &unused, &err);
    tk_free(parent);
    if (result == 0) {
        result = tk_platform_private_directory(why, path, &err);
    }
    if (result == 0 && why->len > 0) {
        result = unsafe(path, why->text, &err);
    }
    return result == 0 ? 0 : tk_raise(L, &err);
}

// fs.unsafe(path [, judge]) -> reason | nil   [-2, +1, e]
static int l_unsafe(lua_State *L)
{
    const char *path;
    struct tk_buffer *why;
    struct tk_failure err;
    enum tk_judge how;

    lua_settop(L, 2);
    path = check_path(L);
    how = check_judge(L, "fs.unsafe", luaL_optstring(L, 2, "change"));
    why = new_buffer(L);
    if (tk_platform_unsafe(why, path, how, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_pushstring(L, why->len > 0 ? why->text : NULL);
    tk_buffer_free(why);
    return 1;
}

// fs.grant_vm(path, id) -> changed   [-2, +1, e]
static int l_grant_vm(lua_State *L)
{
    struct tk_failure err;
    const char *path, *id;
    int result;

    lua_settop(L, 2);
    path = check_path(L);
    id = luaL_checkstring(L, 2);
    result = tk_platform_grant_vm(path, id, &err);
    if (result < 0) {
        return tk_raise(L, &err);
    }
    lua_pushboolean(L, result);
    return 1;
}

// ---- lock --------------------------------------------------------------------------------------

static int l_release(lua_State *L)
{
    struct tk_lock **lock = luaL_checkudata(L, 1, LOCK);

    tk_platform_unlock(*lock);
    *lock = NULL;
    return 0;
}

// fs.lock(path, text) -> lock | nil, holder   [-2, +1|2, e]
static int l_lock(lua_State *L)
{
    const char *path, *text;
    struct tk_lock **lock;
    struct tk_buffer *holder;
    struct tk_failure err;

    lua_settop(L, 2);
    path = check_path(L);
    text = luaL_checkstring(L, 2);
    holder = new_buffer(L);
    lock = lua_newuserdatauv(L, sizeof(struct tk_lock *), 0);
    *lock = NULL;
    luaL_setmetatable(L, LOCK);
    if (tk_platform_lock(lock, holder, path, text, &err) != 0) {
        return tk_raise(L, &err);
    }
    if (*lock) {
        return 1;
    }
    lua_pushnil(L);
    lua_pushlstring(L, holder->text ? holder->text : "", holder->len);
    tk_buffer_free(holder);
    return 2;
}

int tk_fs_functions(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"read", l_read},
        {"write", l_write},
        {"find", l_find},
        {"list", l_list},
        {"make_directory", l_make_directory},
        {"remove", l_remove},
        {"unsafe", l_unsafe},
        {"private_directory", l_private_directory},
        {"grant_vm", l_grant_vm},
        {"lock", l_lock},
        {NULL, NULL},
    };
    static const luaL_Reg lock_methods[] = {{"release", l_release}, {NULL, NULL}};

    tk_handle_type(L, LOCK, lock_methods, l_release);
    luaL_newlib(L, functions);
    return 1;
}
