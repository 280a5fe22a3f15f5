// See watchdog.h. A count hook looks at the clock every so many instructions. Once it has fired it
// raises at every further instruction, so a pcall in the script cannot swallow it; only the guard
// clears it, and that only a few times until the task waits again, so a guard in a loop cannot
// either.
#include "watchdog.h"

#include <lauxlib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "failure.h"
#include "lua_util.h"

#define CHECK_EVERY 20000 // instructions; well under a millisecond
#define STRIKES_MAX 3     // times that a guard goes on after the watchdog without a wait between
#define LOOK_MS     250   // between two looks of the second watch
#define GRACE_MS    2000  // after the time of the first one, until the second ends the program
#define EXIT_STUCK  21    // as in lua/core/exit_codes.lua: internal

static uint64_t limit_ns; // 0: off
static uint64_t slice_start_ns;
static bool fired;
static char stuck_key; // registry: the failure object, which names the place where it began
static int strikes;
static bool in_task; // else the scheduler itself runs, which may have waited for long

// ---- the second watch ---------------------------------------------------------------------------

// The hook is not called inside a function of C (a pattern that goes back for ever, a finalizer),
// so a thread looks on. It counts processor time, which a slow disk does not cost, and which stands
// still while the process does (SIGSTOP, a machine that sleeps).
static atomic_uint slices;    // begun so far, of tasks
static atomic_bool computing; // one of them runs now
static atomic_llong longest_ms;

static void end_program(void)
{
    static const char text[] =
        "takeover: a script computes without end and does not let itself be stopped "
        "(SCRIPT_STUCK); "
        "it is ended here. What it did is in the journal, and nothing of it is undone\n";

    fputs(text, stderr);
    fflush(stderr);
    _Exit(EXIT_STUCK);
}

static long long processor_ms(void)
{
    uv_rusage_t used;

    if (uv_getrusage(&used) != 0) {
        return 0;
    }
    return (long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

static void watch(void *unused)
{
    unsigned seen = 0;
    long long began_ms = 0;

    (void)unused;
    for (;;) {
        unsigned now = atomic_load(&slices);
        long long longest = atomic_load(&longest_ms);

        if (now != seen || !atomic_load(&computing)) {
            began_ms = processor_ms();
            seen = now;
        } else if (longest > 0 && processor_ms() - began_ms > longest + GRACE_MS) {
            end_program();
        }
        uv_sleep(LOOK_MS);
    }
}

static void begin_to_watch(void)
{
    static bool begun;
    uv_thread_t thread;

    if (!begun && uv_thread_create(&thread, watch, NULL) == 0) {
        begun = true; // until the program ends
    }
}

// The product's own machinery is not where an administrator's mistake is.
static bool is_machinery(const char *source)
{
    return source[0] != '@' || strstr(source, "lua/cli/") || strstr(source, "failover/engine/") ||
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
    atomic_store(&longest_ms, (long long)(limit_ns / 1000000));
    if (limit_ns != 0) {
        begin_to_watch();
    }
    return 0;
}

int tk_watchdog_slice(lua_State *L)
{
    lua_pushboolean(L, in_task);
    in_task = lua_toboolean(L, 1);
    atomic_store(&computing, in_task);
    atomic_fetch_add(&slices, 1);
    slice_start_ns = uv_hrtime();
    fired = false;
    strikes = 0;
    return 1;
}

// ---- a chunk with a number of instructions ------------------------------------------------------

static void end_of_instructions(lua_State *L, lua_Debug *ar)
{
    lua_getinfo(L, "Sl", ar);
    lua_pushfstring(L, "%s:%d: the file does not come to an end", ar->short_src, ar->currentline);
    lua_error(L);
}

// Sets the methods of texts to the value on top, which it pops; pushes those of before.
static void exchange_methods(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1); // methods, "", metatable
    lua_getfield(L, -1, "__index");
    lua_pushvalue(L, -4);
    lua_setfield(L, -3, "__index");
    lua_replace(L, -4);
    lua_pop(L, 2);
}

int tk_watchdog_limited(lua_State *L)
{
    lua_State *co;
    int status, count;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    co = lua_newthread(L); // 4
    lua_sethook(co, end_of_instructions, LUA_MASKCOUNT, (int)luaL_checkinteger(L, 2));
    lua_pushvalue(L, 3);
    exchange_methods(L); // 5
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    status = lua_resume(co, L, 0, &count);
    exchange_methods(L);
    lua_pushboolean(L, status == LUA_OK);
    if (status == LUA_YIELD) {
        lua_pushliteral(L, "the file does not come to an end");
    } else if (status == LUA_OK) {
        if (count == 0) {
            lua_pushnil(L);
        } else {
            lua_pushvalue(co, -count);
            lua_xmove(co, L, 1);
        }
    } else {
        lua_xmove(co, L, 1);
        luaL_tolstring(L, -1, NULL);
        lua_remove(L, -2);
    }
    return 2;
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
