// The loop's C half: see await.h; lua/core/scheduler.lua is the other. Also the module `loop`,
// which only the scheduler and the command line use: clocks, polling, signals, the watchdog and the
// protected call.
#include "await.h"

#include <lauxlib.h>
#include <signal.h>
#include <string.h>
#include <uv.h>

#include "lua_util.h"
#include "memory.h"
#include "platform/platform.h"
#include "pool.h"
#include "shutdown.h"
#include "watchdog.h"

#define DRAIN_MS    2000
#define LONGEST_S   1e9 // longer waits are no different, but no longer fit the clocks
#define SIGNALS_MAX 4
#define WAKE_SLOTS  8 // room on a suspended coroutine's stack for what wakes it

static char tasks_key;  // registry: thread -> deadline in ms, or false for none; weak keys
static char woken_key;  // registry: list of threads to resume
static int interrupted; // signal number, 0 for none
static uv_signal_t signals[SIGNALS_MAX];
static uv_async_t asked; // on Windows another process asks by other means than a signal
static bool signals_caught;
static bool polling; // uv_run is under way

struct await {
    struct tk_pool_work work; // first: the pool knows an await by it
    void *request;
    tk_work run;
    tk_push push;
    struct tk_limit limit;
    int result;
    struct tk_failure failure;
    lua_State *co;
};

int64_t tk_task_deadline_ms(lua_State *L)
{
    int64_t deadline = INT64_MAX;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
    lua_pushthread(L);
    if (lua_rawget(L, -2) == LUA_TNUMBER) {
        deadline = (int64_t)lua_tointeger(L, -1);
    }
    lua_pop(L, 2);
    return deadline;
}

static bool is_task(lua_State *L)
{
    bool known;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
    lua_pushthread(L);
    known = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return known && lua_isyieldable(L);
}

void tk_wake(lua_State *co)
{
    lua_rawgetp(co, LUA_REGISTRYINDEX, &woken_key);
    lua_pushthread(co);
    lua_rawseti(co, -2, luaL_len(co, -2) + 1);
    lua_pop(co, 1);
    if (polling) { // up to libuv 1.44 timers run before the wait, which would not know of this
        uv_stop(uv_default_loop());
    }
}

void tk_check_park(lua_State *L)
{
    if (!is_task(L)) {
        luaL_error(L, "cannot wait here (inside a sort comparison, a metamethod or a coroutine "
                      "of the script's own)");
    }
}

int tk_park(lua_State *L, lua_KContext context, lua_KFunction resumed)
{
    tk_check_park(L);
    luaL_checkstack(L, WAKE_SLOTS, "waiting");
    return lua_yieldk(L, 0, context, resumed);
}

static void on_pool(struct tk_pool_work *work)
{
    struct await *a = (struct await *)work;

    a->result = a->run(a->request, &a->limit, &a->failure);
}

static void after_pool(struct tk_pool_work *work)
{
    struct await *a = (struct await *)work;

    tk_wake(a->co);
    lua_pushnil(a->co);
    lua_rawsetp(a->co, LUA_REGISTRYINDEX, a);
}

static int finish(lua_State *L, struct await *a)
{
    if (a->result != 0) {
        return tk_raise(L, &a->failure);
    }
    return a->push(L, a->request);
}

static int resumed(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return finish(L, (struct await *)context);
}

int tk_await(lua_State *L, int request, int64_t timeout_ms, tk_work work, tk_push push)
{
    int64_t deadline = tk_task_deadline_ms(L);
    struct await *a;

    request = lua_absindex(L, request);
    a = lua_newuserdatauv(L, sizeof *a, 0);
    memset(a, 0, sizeof *a);
    a->request = lua_touserdata(L, request);
    a->run = work;
    a->push = push;
    a->limit = tk_limit_in(timeout_ms);
    if (deadline < a->limit.deadline_ms) {
        a->limit.deadline_ms = deadline;
    }
    a->co = L;
    a->work = (struct tk_pool_work){.run = on_pool, .done = after_pool};
    if (tk_limit_left_ms(&a->limit) == 0) {
        tk_fail(&a->failure, TK_DEADLINE, "no time is left for this call");
        return tk_raise(L, &a->failure);
    }
    if (!is_task(L)) { // nowhere to give way to
        a->result = work(a->request, &a->limit, &a->failure);
        return finish(L, a);
    }
    luaL_checkstack(L, WAKE_SLOTS, "waiting");
    if (!tk_pool_submit(&a->work)) {
        return luaL_error(L, "no thread can be made");
    }
    lua_pushthread(
        L); // keeps the coroutine, and with it everything on its stack, until the work is done
    lua_rawsetp(L, LUA_REGISTRYINDEX, a);
    return lua_yieldk(L, 0, (lua_KContext)a, resumed);
}

// ---- module loop --------------------------------------------------------------------------------

static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)uv_hrtime() / 1e9);
    return 1;
}

static int l_wall(lua_State *L)
{
    uv_timeval64_t now;

    uv_gettimeofday(&now);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_usec / 1e6);
    return 1;
}

// The time may be over before the wait begins: then there is to be none.
static void on_timeout(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static int run_loop(uv_loop_t *loop, uv_run_mode mode)
{
    int alive;

    polling = true;
    alive = uv_run(loop, mode);
    polling = false;
    return alive;
}

// loop.poll([seconds]) -> list of woken coroutines, anything to wait for?   [-0, +2, e]
static int l_poll(lua_State *L)
{
    static uv_timer_t timer;
    static bool timer_ready;
    uv_loop_t *loop = uv_default_loop();
    double seconds = luaL_optnumber(L, 1, -1);
    int alive;

    if (!timer_ready) {
        uv_timer_init(loop, &timer);
        timer_ready = true;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &woken_key);
    if (luaL_len(L, -1) > 0) { // a task woke another one while it ran: nothing to wait for
        seconds = 0;
    }
    lua_pop(L, 1);
    if (seconds == 0) {
        alive = run_loop(loop, UV_RUN_NOWAIT);
    } else {
        if (seconds > 0) {
            uint64_t ms = (uint64_t)((seconds < LONGEST_S ? seconds : LONGEST_S) * 1000);

            uv_update_time(loop);
            uv_timer_start(&timer, on_timeout, ms > 0 ? ms : 1, 0);
        }
        alive = run_loop(loop, UV_RUN_ONCE);
        uv_timer_stop(&timer);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &woken_key);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &woken_key);
    lua_pushboolean(L, alive || tk_pool_busy() > 0);
    return 2;
}

// loop.task(co [, deadline_seconds]): makes `co` a task that may wait; false forgets it.
static int l_task(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_settop(L, 2);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
    lua_pushvalue(L, 1);
    if (lua_isnumber(L, 2) && lua_tonumber(L, 2) < LONGEST_S * 1000) {
        lua_pushinteger(L, (lua_Integer)(lua_tonumber(L, 2) * 1000));
    } else {
        lua_pushboolean(L, 0);
    }
    lua_rawset(L, 3);
    return 0;
}

static int l_forget(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    lua_rawset(L, -3);
    return 0;
}

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)handle;
    interrupted = signum; // the scheduler decides which waits end (lua/core/scheduler.lua)
}

static void on_asked(uv_async_t *handle)
{
    (void)handle;
    interrupted = SIGTERM;
}

static void ask(void)
{
    uv_async_send(&asked);
}

static void catch_signal(int number)
{
    static int count;
    uv_signal_t *handle = &signals[count++];

    uv_signal_init(uv_default_loop(), handle);
    uv_signal_start(handle, on_signal, number);
    uv_unref((uv_handle_t *)handle);
}

static int l_catch_signals(lua_State *L)
{
    (void)L;
    if (!signals_caught) {
        catch_signal(SIGINT);
        catch_signal(SIGTERM);
        for (int i = 0, number; (number = tk_platform_stop_signal(i)) >= 0; i++) {
            catch_signal(number);
        }
        uv_async_init(uv_default_loop(), &asked, on_asked);
        uv_unref((uv_handle_t *)&asked);
        tk_platform_on_stop(ask);
        signals_caught = true;
    }
    return 0;
}

// loop.interrupted() -> "SIGINT" | "SIGTERM" | nil
static int l_interrupted(lua_State *L)
{
    lua_pushstring(L, interrupted == SIGINT ? "SIGINT" : interrupted ? "SIGTERM" : NULL);
    return 1;
}

// loop.cancel(on): waits inside natives end at once while on; undo switches it off again.
static int l_cancel(lua_State *L)
{
    tk_cancel_set(lua_toboolean(L, 1));
    return 0;
}

static int l_hostname(lua_State *L)
{
    char name[256] = "";
    size_t size = sizeof name;

    uv_os_gethostname(name, &size);
    lua_pushstring(L, name);
    return 1;
}

static int l_pid(lua_State *L)
{
    lua_pushinteger(L, uv_os_getpid());
    return 1;
}

// loop.state_directory() -> where our own files are when nothing says otherwise
static int l_state_directory(lua_State *L)
{
    lua_pushstring(L, tk_platform_state_directory());
    return 1;
}

// loop.executable() -> full path of the program
static int l_executable(lua_State *L)
{
    char path[4096];
    size_t size = sizeof path;

    if (uv_exepath(path, &size) != 0) {
        return luaL_error(L, "the program does not know where it is");
    }
    lua_pushlstring(L, path, size);
    return 1;
}

// loop.is_terminal(fd) -> boolean
static int l_is_terminal(lua_State *L)
{
    lua_pushboolean(L, uv_guess_handle((uv_file)luaL_checkinteger(L, 1)) == UV_TTY);
    return 1;
}

// loop.processors() -> how many this process may use, 1 or more
static int l_processors(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)uv_available_parallelism());
    return 1;
}

int luaopen_loop(lua_State *L);

int luaopen_loop(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"now", l_now},
        {"wall", l_wall},
        {"poll", l_poll},
        {"task", l_task},
        {"forget", l_forget},
        {"catch_signals", l_catch_signals},
        {"interrupted", l_interrupted},
        {"cancel", l_cancel},
        {"hostname", l_hostname},
        {"pid", l_pid},
        {"executable", l_executable},
        {"state_directory", l_state_directory},
        {"is_terminal", l_is_terminal},
        {"processors", l_processors},
        {"watchdog", tk_watchdog_set},
        {"slice", tk_watchdog_slice},
        {"limited", tk_watchdog_limited},
        {"guard", tk_watchdog_guard},
        {NULL, NULL},
    };

    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &tasks_key);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &woken_key);
    luaL_newlib(L, functions);
    return 1;
}

// ---- the end ------------------------------------------------------------------------------------

bool tk_loop_drain(void)
{
    struct tk_limit limit = tk_limit_in(DRAIN_MS);

    tk_cancel_set(true);
    while (tk_pool_busy() > 0 && tk_limit_left_ms(&limit) > 0) {
        uv_run(uv_default_loop(), UV_RUN_NOWAIT);
        uv_sleep(1);
    }
    return tk_pool_busy() == 0;
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void tk_loop_close(void)
{
    tk_platform_on_stop(NULL);
    tk_pool_close();
    uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    uv_walk(uv_default_loop(), close_handle, NULL);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    uv_library_shutdown();
}
