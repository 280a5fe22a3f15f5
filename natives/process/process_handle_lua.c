// The handle of a child process in Lua. A task that waits for a child is woken by whatever happens
// to it (output, end) or by a timer, and looks again. See process_lua.h.
#include <lauxlib.h>
#include <string.h>
#include <uv.h>

#include "platform/platform.h"
#include "process_lua.h"
#include "runtime/await.h"
#include "runtime/lua_util.h"
#include "runtime/memory.h"

#define PROCESS "process"

// One suspended task. Allocated apart, because libuv's timer lives until it is closed.
struct waiter {
    uv_timer_t timer;
    lua_State *co;
    struct process *process;
    struct waiter *next;
};

// ---- waiting -----------------------------------------------------------------------------------

static void free_waiter(uv_handle_t *handle)
{
    tk_free(handle->data);
}

// Wakes each task once: it may wait for something else by the time of the next event.
static void wake_all(void *self)
{
    struct process *p = self;

    while (p->waiters) {
        struct waiter *w = p->waiters;

        p->waiters = w->next;
        tk_wake(w->co);
        lua_pushnil(w->co);
        lua_rawsetp(w->co, LUA_REGISTRYINDEX, w);
        uv_close((uv_handle_t *)&w->timer, free_waiter);
    }
}

static void on_timeout(uv_timer_t *timer)
{
    wake_all(((struct waiter *)timer->data)->process);
}

int tk_process_wait(lua_State *L, struct process *p, int64_t until_ms, lua_KContext context,
                    lua_KFunction again)
{
    struct waiter *w;
    uv_loop_t *loop = uv_default_loop();
    int64_t left = until_ms - tk_now_ms();

    tk_check_park(L);
    w = tk_alloc(sizeof *w);
    w->process = p;
    w->co = L;
    w->next = p->waiters;
    p->waiters = w;
    uv_timer_init(loop, &w->timer);
    w->timer.data = w;
    if (until_ms != INT64_MAX) {
        uv_update_time(loop);
        uv_timer_start(&w->timer, on_timeout, left > 0 ? (uint64_t)left : 0, 0);
    }
    lua_pushthread(L); // keeps the task, and with it the process, until it is woken
    lua_rawsetp(L, LUA_REGISTRYINDEX, w);
    return tk_park(L, context, again);
}

int64_t tk_process_until(lua_State *L, int64_t timeout_ms)
{
    int64_t deadline = tk_task_deadline_ms(L);
    int64_t now = tk_now_ms();

    return timeout_ms < deadline - now ? now + timeout_ms : deadline;
}

// ---- the handle --------------------------------------------------------------------------------

struct process *tk_process_new(lua_State *L)
{
    struct process *p = lua_newuserdatauv(L, sizeof *p, 0);

    memset(p, 0, sizeof *p);
    luaL_setmetatable(L, PROCESS);
    return p;
}

static struct process *check_process(lua_State *L)
{
    struct process *p = luaL_checkudata(L, 1, PROCESS);

    if (!p->child) {
        luaL_error(L, "the process handle is closed");
    }
    return p;
}

void tk_process_begin(lua_State *L, struct process *p, struct tk_child_options *options)
{
    struct tk_failure err;

    options->changed = wake_all;
    options->self = p;
    if (tk_child_start(&p->child, options, &err) != 0) {
        tk_raise(L, &err);
    }
    p->program = tk_strdup(options->args[0]);
}

int tk_process_close(lua_State *L)
{
    struct process *p = luaL_checkudata(L, 1, PROCESS);

    if (p->child) {
        tk_child_close(p->child);
        p->child = NULL;
    }
    wake_all(p);
    tk_free(p->program);
    p->program = NULL;
    return 0;
}

void tk_process_push_end(lua_State *L, const struct tk_child *child)
{
    int64_t code = 0;
    int signal = 0;

    lua_createtable(L, 0, 5);
    if (tk_child_ended(child, &code, &signal)) {
        if (signal != 0) {
            tk_set_integer(L, "signal", signal);
        } else {
            tk_set_integer(L, "code", code);
        }
    }
}

// ---- its methods -------------------------------------------------------------------------------

static int l_pid(lua_State *L)
{
    lua_pushinteger(L, tk_child_pid(check_process(L)->child));
    return 1;
}

// The context of both waits below: an integer userdata at stack index 3 holds the time limit.
static int wait_again(lua_State *L, int status, lua_KContext context)
{
    struct process *p = check_process(L);
    int64_t until_ms = (int64_t)lua_tointeger(L, 3);
    int64_t code;
    int signal;

    (void)status;
    if (tk_child_ended(p->child, &code, &signal)) {
        tk_process_push_end(L, p->child);
        return 1;
    }
    if (tk_now_ms() >= until_ms) {
        lua_pushnil(L);
        return 1;
    }
    return tk_process_wait(L, p, until_ms, context, wait_again);
}

// Process:wait([seconds]) -> result | nil   [-2, +1, e]
static int l_wait(lua_State *L)
{
    lua_Number seconds;

    lua_settop(L, 2);
    check_process(L);
    seconds = luaL_optnumber(L, 2, -1);
    luaL_argcheck(L, lua_isnil(L, 2) || (seconds >= 0 && seconds <= 1e9), 2,
                  "a number of seconds from 0 to 1000000000 is needed");
    lua_pushinteger(L, seconds < 0 ? tk_task_deadline_ms(L)
                                   : tk_process_until(L, (int64_t)(seconds * 1000)));
    return wait_again(L, LUA_OK, 0);
}

static int line_again(lua_State *L, int status, lua_KContext context)
{
    struct process *p = check_process(L);
    enum tk_child_which which = (enum tk_child_which)context;
    int64_t until_ms = (int64_t)lua_tointeger(L, 3);
    size_t held, len = tk_child_line(p->child, which);

    (void)status;
    if (len > 0) {
        const char *text = tk_child_output(p->child, which, &held);
        size_t shown = len;

        if (text[shown - 1] == '\n') {
            shown--;
            if (shown > 0 && text[shown - 1] == '\r') {
                shown--;
            }
        }
        lua_pushlstring(L, text, shown);
        tk_child_take(p->child, which, len);
        return 1;
    }
    lua_pushnil(L);
    if (tk_child_at_end(p->child, which)) {
        return 1;
    }
    if (tk_now_ms() >= until_ms) {
        lua_pushliteral(L, "timeout");
        return 2;
    }
    lua_pop(L, 1);
    return tk_process_wait(L, p, until_ms, context, line_again);
}

struct line_options {
    int64_t timeout_ms;
    const char *which;
};

// Process:read_line{timeout=, which=} -> line | nil [, "timeout"]   [-2, +1|2, e]
static int l_read_line(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"timeout", TK_OPT_SECONDS, offsetof(struct line_options, timeout_ms), false},
        {"which", TK_OPT_STRING, offsetof(struct line_options, which), false},
        {NULL, 0, 0, false},
    };
    struct line_options o = {.timeout_ms = -1};
    enum tk_child_which which = TK_CHILD_STDOUT;

    lua_settop(L, 2);
    check_process(L);
    tk_options(L, 2, "Process:read_line", spec, &o);
    if (o.which && strcmp(o.which, "stderr") == 0) {
        which = TK_CHILD_STDERR;
    } else if (o.which && strcmp(o.which, "stdout") != 0) {
        return luaL_error(
            L, "Process:read_line: which must be \"stdout\" or \"stderr\", not \"%s\"", o.which);
    }
    lua_settop(L, 2);
    lua_pushinteger(L,
                    o.timeout_ms < 0 ? tk_task_deadline_ms(L) : tk_process_until(L, o.timeout_ms));
    return line_again(L, LUA_OK, (lua_KContext)which);
}

// Process:kill(signal)   [-2, +0, e]
static int l_kill(lua_State *L)
{
    struct process *p = check_process(L);
    const char *name = luaL_checkstring(L, 2);
    int number = tk_platform_signal(name);

    luaL_argcheck(L, number > 0, 2, "TERM, KILL, INT, STOP or CONT is needed");
    tk_child_kill(p->child, number);
    return 0;
}

void tk_process_register(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"pid", l_pid},   {"read_line", l_read_line},  {"wait", l_wait},
        {"kill", l_kill}, {"close", tk_process_close}, {NULL, NULL},
    };

    tk_handle_type(L, PROCESS, methods, tk_process_close);
}
