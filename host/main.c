// takeover: makes the Lua state, lets Lua do the rest, returns its exit code.
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "runtime/heap.h"
#include "runtime/memory.h"
#include "natives.h"
#include "platform/platform.h"
#include "runtime/shutdown.h"

#define MEMORY_MAX                                                                                 \
    ((size_t)1 << 30)    // of all Lua values together; a runaway script fails with a message
#define EXIT_INTERNAL 21 // as in lua/core/exit_codes.lua, for when no Lua could run
#define EXIT_LIMITS   24
#define EXIT_CONFIG   13
#define BOOT_MAX      ((uint64_t)1 << 20)

#ifndef TK_VERSION
#define TK_VERSION "0.0.0"
#endif

// Directory of the executable, with '/' at the end.
static char *program_directory(void)
{
    char path[4096];
    size_t size = sizeof path;
    char *end;

    if (uv_exepath(path, &size) != 0) {
        return tk_strdup("./");
    }
    for (char *p = path; *p; p++) {
        if (*p == '\\') {
            *p = '/';
        }
    }
    end = strrchr(path, '/');
    if (end) {
        end[1] = '\0';
    }
    return tk_strdup(path);
}

static char unsafe_key; // registry: why our own files are not run

static int traceback(lua_State *L)
{
    // Files that do not run because others may change them are nothing to look for in the code.
    if (lua_istable(L, 1) && lua_getfield(L, 1, "code") == LUA_TSTRING &&
        strcmp(lua_tostring(L, -1), tk_code_name(TK_FS_UNSAFE)) == 0) {
        luaL_tolstring(L, 1, NULL);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &unsafe_key);
        return 1;
    }
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

// os.tmpname() -> path of a new empty file; C's own tmpnam of Windows names one in the root of the
// drive.
static int temporary_name(lua_State *L)
{
    char pattern[4096];
    size_t size = sizeof pattern - sizeof "/takeover-XXXXXX";
    uv_fs_t request;
    int fd;

    if (uv_os_tmpdir(pattern, &size) != 0) {
        return luaL_error(L, "there is no directory for temporary files");
    }
    strcpy(pattern + size, "/takeover-XXXXXX");
    fd = uv_fs_mkstemp(NULL, &request, pattern, NULL);
    lua_pushstring(L, fd >= 0 ? request.path : pattern);
    luaL_gsub(L, lua_tostring(L, -1), (const char[]){TK_OTHER_SEPARATOR, '\0'}, "/");
    lua_remove(L, -2);
    uv_fs_req_cleanup(&request);
    if (fd < 0) {
        return luaL_error(L, "%s cannot be made: %s", lua_tostring(L, -1), uv_strerror(fd));
    }
    uv_fs_close(NULL, &request, fd, NULL);
    uv_fs_req_cleanup(&request);
    return 1;
}

// Whether the arguments say that files which others may change are accepted.
static bool trusts_all(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--trust-writable-files") == 0) {
            return true;
        }
    }
    return false;
}

// Pushes the chunk of our own file `path`, which nobody else may change.
static void load_boot(lua_State *L, const char *path, bool trust)
{
    struct tk_buffer *text = lua_newuserdatauv(L, 2 * sizeof *text, 0), *why = text + 1;
    struct tk_failure err;
    int result;

    memset(text, 0, 2 * sizeof *text); // leaks where Lua raises: then the program ends
    if (trust) {
        if (luaL_loadfilex(L, path, "t") != LUA_OK) {
            lua_error(L);
        }
        return;
    }
    result = tk_platform_read_judged(text, why, path, BOOT_MAX, TK_JUDGE_CODE, &err);
    if (result != 0 || why->len > 0) {
        lua_pushfstring(
            L, "%s%s%s", result != 0 ? err.message : "its own files may be changed by others: ",
            result != 0 ? "" : why->text,
            result != 0 ? "" : "; take the permission away, or use --trust-writable-files");
        tk_buffer_free(text);
        tk_buffer_free(why);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &unsafe_key);
        lua_error(L);
    }
    lua_pushfstring(L, "@%s", path);
    result = luaL_loadbufferx(L, text->text ? text->text : "", text->len, lua_tostring(L, -1), "t");
    tk_buffer_free(text);
    if (result != LUA_OK) {
        lua_error(L);
    }
}

// Loads <program directory>/lua/cli/boot.lua, or the installed one, and runs it with the
// arguments.
static int run(lua_State *L)
{
    static const char *const places[] = {"lua/cli/boot.lua", "../share/takeover/lua/cli/boot.lua"};
    int argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    char *directory = program_directory();
    char *boot = NULL;
    int boot_at;
    bool trust;

    luaL_openlibs(L);
    lua_getglobal(L, "os");
    lua_pushcfunction(L, temporary_name);
    lua_setfield(L, -2, "tmpname");
    lua_getglobal(L, "package"); // Lua is built with slashes; scripts ask here which system this is
    lua_getfield(L, -1, "config");
    lua_pushfstring(L, "%c%s", TK_OTHER_SEPARATOR, lua_tostring(L, -1) + 1);
    lua_setfield(L, -3, "config");
    lua_pop(L, 3);
    tk_natives_register(L);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        FILE *f;

        tk_free(boot);
        boot = tk_sprintf("%s%s", directory, places[i]);
        f = fopen(boot, "r");
        if (f) {
            fclose(f);
            break;
        }
    }
    lua_pushstring(L, boot);
    boot_at = lua_gettop(L);
    tk_free(boot);
    tk_free(directory);
    trust = trusts_all(argc, argv);
    load_boot(L, lua_tostring(L, -1), trust);
    lua_pushvalue(L, boot_at); // boot(path of boot.lua, version, arguments, trust)
    lua_pushliteral(L, TK_VERSION);
    lua_createtable(L, argc, 0);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_pushboolean(L, trust);
    lua_call(L, 4, 1);
    return 1;
}

// False where the limits of this account or system leave too little; says so.
static bool make_room(void)
{
    struct tk_buffer why = {0};
    bool enough = tk_platform_has_room(&why);

    if (!enough) {
        fprintf(stderr, "takeover: %s\n", why.text);
    } else if (!uv_default_loop()) {
        fputs("takeover: the system gives no descriptors for an event loop\n", stderr);
        enough = false;
    }
    tk_buffer_free(&why);
    return enough;
}

int main(int argc, char **argv)
{
    struct tk_heap heap = {.max_bytes = MEMORY_MAX};
    lua_State *L;
    int code = EXIT_INTERNAL;

    tk_platform_prepare();
    argv = uv_setup_args(argc, tk_platform_start(&argc, argv));
    if (!make_room()) {
        return EXIT_LIMITS;
    }
    L = lua_newstate(tk_heap_alloc, &heap);
    if (!L) {
        fputs("takeover: out of memory\n", stderr);
        return EXIT_LIMITS;
    }
    lua_pushcfunction(L, traceback);
    lua_pushcfunction(L, run);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    if (lua_pcall(L, 2, 1, 1) == LUA_OK) {
        code = (int)lua_tointeger(L, -1);
    } else {
        if (lua_rawgetp(L, LUA_REGISTRYINDEX, &unsafe_key) == LUA_TSTRING) {
            code = EXIT_CONFIG; // without the traceback
        } else {
            lua_pop(L, 1);
        }
        fprintf(stderr, "takeover: %s\n", lua_tostring(L, -1));
    }
    fflush(stdout);
    if (!tk_loop_drain()) {
        _Exit(code);
    }
    lua_close(L);
    tk_heap_free(&heap);
    tk_loop_close();
    return code;
}
