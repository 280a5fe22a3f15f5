// See watchdog.h. A count hook looks at the clock every so many instructions. Once it has fired it
// raises at every further instruction, so a pcall in the script cannot swallow it; only the guard
// clears it, and that only a few times until the task waits again, so a guard in a loop cannot
// either.
#include "watchdog.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "failure.h"
#include "lua_util.h"

#define CHECK_EVERY 20000 // instructions; well under a millisecond
#define STRIKES_MAX 3     // times that a guard goes on after the watchdog without a wait between

static uint64_t limit_ns; // 0: off
static uint64_t slice_start_ns;
static bool fired;
static char stuck_key; // registry: the failure object, which names the place where it began
static int strikes;
static bool in_task; // else the scheduler itself runs, which may have waited for long

// The product's own machinery is not where an administrator's mistake is.
static bool is_machinery(const char *source)
{
    return source[0] != '@' || strstr(source, "lua/host/") || strstr(source, "failover/engine/") ||
           strstr(source, "lua\\host\\") || strstr(source, "failover\\engine\\");
}

// Pushes "file:line" of the innermost script function, or nil.
static void push_where(lua_State *L)
{
    lua_Debug ar;

    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0 && !is_machinery(ar.source)) {
            lua_pushfstring(L, "%s:%d", ar.source + 1, ar.currentline);
            return;
        }
    }
    lua_pushnil(L);
}

static void hook(lua_State *L, lua_Debug *ar)
{
    struct tk_failure err;

    (void)ar;
    if (limit_ns == 0 || !in_task || (!fired && uv_hrtime() - slice_start_ns < limit_ns)) {
        if (!fired && lua_gethookcount(L) != CHECK_EVERY) { // fired here in an earlier slice
            lua_sethook(L, hook, LUA_MASKCOUNT, CHECK_EVERY);
        }
        return;
    }
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    if (!fired) {
        fired = true;
        tk_fail(&err, TK_SCRIPT_STUCK, "the script ran for %g s without waiting for anything",
                (double)limit_ns / 1e9);
        tk_fail_hint(&err, "look for a loop that never ends near the line named here");
        tk_push_failure(L, &err);
        push_where(L);
        lua_setfield(L, -2, "where");
        lua_rawsetp(L, LUA_REGISTRYINDEX, &stuck_key);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &stuck_key);
    lua_error(L);
}

int tk_watchdog_set(lua_State *L)
{
    limit_ns = (uint64_t)(luaL_checknumber(L, 1) * 1e9);
    slice_start_ns = uv_hrtime();
    lua_sethook(L, hook, limit_ns ? LUA_MASKCOUNT : 0, CHECK_EVERY);
    return 0;
}

int tk_watchdog_slice(lua_State *L)
{
    lua_pushboolean(L, in_task);
    in_task = lua_toboolean(L, 1);
    slice_start_ns = uv_hrtime();
    fired = false;
    strikes = 0;
    return 1;
}

static int to_failure(lua_State *L)
{
    if (luaL_getmetafield(L, 1, "__name") == LUA_TSTRING &&
        strcmp(lua_tostring(L, -1), "failure") == 0) {
        lua_pop(L, 1);
        if (lua_getfield(L, 1, "where") == LUA_TNIL) {
            push_where(L);
            lua_setfield(L, 1, "where");
        }
        lua_settop(L, 1);
        return 1;
    }
    {
        struct tk_failure err;
        const char *text = luaL_tolstring(L, 1, NULL);

        tk_fail(&err, TK_SCRIPT_ERROR, "%s", text);
        tk_push_failure(L, &err);
        push_where(L);
        lua_setfield(L, -2, "where");
        luaL_traceback(L, L, NULL, 1);
        lua_setfield(L, -2, "traceback");
    }
    return 1;
}

static int guarded(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (fired && strikes < STRIKES_MAX) {
        strikes++;
        fired = false;
        slice_start_ns = uv_hrtime();
        lua_sethook(L, hook, limit_ns ? LUA_MASKCOUNT : 0, CHECK_EVERY);
    }
    if (status != LUA_OK && status != LUA_YIELD) { // below: handler; on top: the failure
        if (!lua_istable(L, -1)) { // the handler itself could not run (memory, stack)
            struct tk_failure err;

            tk_fail(&err, TK_SCRIPT_ERROR, "%s", luaL_tolstring(L, -1, NULL));
            tk_push_failure(L, &err);
        }
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushboolean(L, 1);
    lua_replace(L, 1);
    return lua_gettop(L);
}

int tk_watchdog_guard(lua_State *L)
{
    int arguments = lua_gettop(L) - 1;
    int status;

    luaL_checkany(L, 1);
    if (limit_ns != 0 && !lua_gethook(L)) { // a thread that was made before the watchdog was set
        lua_sethook(L, hook, LUA_MASKCOUNT, CHECK_EVERY);
    }
    lua_pushcfunction(L, to_failure);
    lua_insert(L, 1);
    status = lua_pcallk(L, arguments, LUA_MULTRET, 1, 0, guarded);
    return guarded(L, status, 0);
}
