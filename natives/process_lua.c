// The module `process`: child processes for scripts, see lua/meta/small.lua and process.h. A task
// that waits for a child is woken by whatever happens to it (output, end) or by a timer, and looks
// again.
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <string.h>
#include <uv.h>

#include "await.h"
#include "lua_util.h"
#include "memory.h"
#include "platform.h"
#include "process.h"

#define PROCESS          "process"
#define RUN_TIMEOUT_MS   60000
#define MAX_OUTPUT_BYTES (1 << 20)
#define AFTER_KILL_MS    2000 // until a killed child must have ended
#define AFTER_END_MS     300  // for output that a child's own children still hold open
#define AFTER_TIMEOUT_MS 20   // the same when the time is up anyway
#define ARGUMENTS_MAX    4096

// One suspended task. Allocated apart, because libuv's timer lives until it is closed.
struct waiter {
    uv_timer_t timer;
    lua_State *co;
    struct process *process;
    struct waiter *next;
};

struct process {
    struct tk_child *child; // NULL: closed
    char *program;
    struct waiter *waiters;
};

int luaopen_process(lua_State *L);

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

// Suspends the task until something happens or the time comes.
static int wait_for_change(lua_State *L, struct process *p, int64_t until_ms, lua_KContext context,
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

static int64_t until(lua_State *L, int64_t timeout_ms)
{
    int64_t deadline = tk_task_deadline_ms(L);
    int64_t now = tk_now_ms();

    return timeout_ms < deadline - now ? now + timeout_ms : deadline;
}

// ---- reading the options -----------------------------------------------------------------------

static const char *plain_text(lua_State *L, int index, const char *function, const char *what)
{
    size_t len;
    const char *text;

    if (lua_type(L, index) != LUA_TSTRING && lua_type(L, index) != LUA_TNUMBER) {
        luaL_error(L, "%s: %s must be text, not %s", function, what, luaL_typename(L, index));
    }
    text = lua_tolstring(L, index, &len);
    if (strlen(text) != len) {
        luaL_error(L, "%s: %s contains a zero byte", function, what);
    }
    return text;
}

// Splits the table at 1 into arguments and options. Pushes a table that keeps the texts, the
// argument vector and the table of options.
static const char **split_arguments(lua_State *L, const char *function)
{
    lua_Integer count;
    const char **args;
    int texts, options;

    luaL_checktype(L, 1, LUA_TTABLE);
    count = luaL_len(L, 1);
    if (count < 1 || count > ARGUMENTS_MAX) {
        luaL_error(L, "%s: the program is missing: %s{ \"program\", \"argument\", ... }", function,
                   function);
    }
    lua_createtable(L, (int)count, 0);
    texts = lua_gettop(L);
    args = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *args, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, 1, i);
        args[i - 1] = plain_text(L, -1, function, i == 1 ? "the program" : "an argument");
        lua_rawseti(L, texts, i); // a number has become text on the stack: kept here
    }
    args[count] = NULL;
    lua_newtable(L);
    options = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= count) {
            lua_pop(L, 1);
            continue;
        }
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, options);
    }
    return args;
}

static int l_free_environment(lua_State *L)
{
    char ***holder = lua_touserdata(L, 1);

    tk_child_environment_free(*holder);
    *holder = NULL;
    return 0;
}

// Pushes the owner of the environment's memory; NULL where nothing is changed.
static char **read_environment(lua_State *L, int index, const char *function)
{
    const char **names, **values;
    char ***holder;
    size_t count = 0, i = 0;

    if (index == 0) {
        return NULL;
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: env must be a table, not %s", function, luaL_typename(L, index));
    }
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            luaL_error(L, "%s: the names in env must be text", function);
        }
        plain_text(L, -2, function, "a name in env");
        if (lua_type(L, -1) != LUA_TSTRING && !(lua_isboolean(L, -1) && !lua_toboolean(L, -1))) {
            luaL_error(L, "%s: env.%s must be text, or false to remove it", function,
                       lua_tostring(L, -2));
        }
        if (lua_type(L, -1) == LUA_TSTRING) {
            plain_text(L, -1, function, "a value in env");
        }
        count++;
    }
    holder = lua_newuserdatauv(L, sizeof *holder, 0);
    *holder = NULL;
    if (luaL_newmetatable(L, "process environment")) {
        lua_pushcfunction(L, l_free_environment);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    values = lua_newuserdatauv(L, (count + 1) * sizeof *values, 0);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        names[i] = lua_tostring(L, -2);
        values[i++] = lua_tostring(L, -1); // NULL for false
    }
    *holder = tk_child_environment(names, values, count);
    lua_pop(L, 2);
    return *holder;
}

static enum tk_child_stream read_stream(lua_State *L, const char *name, const char *value)
{
    static const struct {
        const char *word;
        enum tk_child_stream stream;
    } words[] = {
        {"pipe", TK_CHILD_PIPE}, {"inherit", TK_CHILD_INHERIT}, {"discard", TK_CHILD_DISCARD}};

    if (!value) {
        return TK_CHILD_INHERIT;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, value) == 0) {
            return words[i].stream;
        }
    }
    luaL_error(L, "process.start: %s must be \"pipe\", \"inherit\" or \"discard\", not \"%s\"",
               name, value);
    return TK_CHILD_INHERIT;
}

// ---- the handle --------------------------------------------------------------------------------

static struct process *new_process(lua_State *L)
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

static void start(lua_State *L, struct process *p, struct tk_child_options *options)
{
    struct tk_failure err;

    options->changed = wake_all;
    options->self = p;
    if (tk_child_start(&p->child, options, &err) != 0) {
        tk_raise(L, &err);
    }
    p->program = tk_strdup(options->args[0]);
}

static int l_close(lua_State *L)
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

static void push_end(lua_State *L, const struct tk_child *child)
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

// ---- process.run -------------------------------------------------------------------------------

struct run {
    struct process *process;
    int64_t until_ms;
    bool timed_out;
    bool draining; // the child has ended; its output has not
};

static bool output_ended(const struct tk_child *child)
{
    return tk_child_at_end(child, TK_CHILD_STDOUT) && tk_child_at_end(child, TK_CHILD_STDERR);
}

// Stack: 1 the struct run, 2 the process.
static int go_on_running(lua_State *L, int status, lua_KContext context)
{
    struct run *run = (struct run *)context;
    struct tk_child *child = run->process->child;
    int64_t code;
    int signal;
    size_t len;
    const char *text;

    (void)status;
    if (tk_child_ended(child, &code, &signal)) {
        int64_t drained_ms = tk_now_ms() + (run->timed_out ? AFTER_TIMEOUT_MS : AFTER_END_MS);

        if (!run->draining) {
            run->draining = true;
            run->until_ms = drained_ms < run->until_ms ? drained_ms : run->until_ms;
        }
        if (!output_ended(child) && tk_now_ms() < run->until_ms) {
            return wait_for_change(L, run->process, run->until_ms, context, go_on_running);
        }
    } else if (tk_now_ms() < run->until_ms) {
        return wait_for_change(L, run->process, run->until_ms, context, go_on_running);
    } else if (!run->timed_out) {
        run->timed_out = true;
        run->until_ms = tk_now_ms() + AFTER_KILL_MS;
        tk_child_kill(child, SIGKILL);
        return wait_for_change(L, run->process, run->until_ms, context, go_on_running);
    }
    push_end(L, child);
    text = tk_child_output(child, TK_CHILD_STDOUT, &len);
    lua_pushlstring(L, text, len);
    lua_setfield(L, -2, "stdout");
    text = tk_child_output(child, TK_CHILD_STDERR, &len);
    lua_pushlstring(L, text, len);
    lua_setfield(L, -2, "stderr");
    tk_set_boolean(L, "timed_out", run->timed_out);
    lua_pushcfunction(L, l_close);
    lua_pushvalue(L, 2);
    lua_call(L, 1, 0);
    return 1;
}

struct run_options {
    int64_t timeout_ms;
    const char *input, *directory;
    int environment;
    uint64_t max_output;
    int input_value;
};

// process.run{...} -> result   [-1, +1, e]; raises PROCESS_FAILED, DEADLINE
static int l_run(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"timeout", TK_OPT_SECONDS, offsetof(struct run_options, timeout_ms), false},
        {"directory", TK_OPT_STRING, offsetof(struct run_options, directory), false},
        {"max_output", TK_OPT_SIZE, offsetof(struct run_options, max_output), false},
        {"input", TK_OPT_VALUE, offsetof(struct run_options, input_value), false},
        {"env", TK_OPT_VALUE, offsetof(struct run_options, environment), false},
        {NULL, 0, 0, false},
    };
    struct run_options o = {.timeout_ms = RUN_TIMEOUT_MS, .max_output = MAX_OUTPUT_BYTES};
    struct tk_child_options child = {.discard_rest = true};
    struct run *run;
    int keep;

    lua_settop(L, 1);
    child.args = split_arguments(L, "process.run");
    tk_options(L, -1, "process.run", spec, &o);
    if (o.input_value) {
        luaL_argcheck(L, lua_type(L, o.input_value) == LUA_TSTRING, 1, "input must be text");
        child.input = lua_tolstring(L, o.input_value, &child.input_len);
    }
    child.environment = read_environment(L, o.environment, "process.run");
    child.directory = o.directory;
    child.streams[0] = child.streams[1] = TK_CHILD_PIPE;
    child.max_output = o.max_output < SIZE_MAX ? (size_t)o.max_output : SIZE_MAX;
    tk_check_park(L);
    run = lua_newuserdatauv(L, sizeof *run, 0);
    memset(run, 0, sizeof *run);
    run->until_ms = until(L, o.timeout_ms);
    keep = lua_gettop(L);
    if (tk_task_deadline_ms(L) <= tk_now_ms()) {
        struct tk_failure err;

        tk_fail(&err, TK_DEADLINE, "no time is left to run \"%s\"", child.args[0]);
        return tk_raise(L, &err);
    }
    run->process = new_process(L);
    start(L, run->process, &child);
    lua_replace(L, 2);
    lua_pushvalue(L, keep);
    lua_replace(L, 1);
    lua_settop(L, 2);
    return go_on_running(L, LUA_OK, (lua_KContext)run);
}

// ---- process.start -----------------------------------------------------------------------------

struct start_options {
    const char *directory, *out, *err;
    int environment, input_value;
};

// process.start{...} -> Process   [-1, +1, e]; raises PROCESS_FAILED
static int l_start(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"directory", TK_OPT_STRING, offsetof(struct start_options, directory), false},
        {"stdout", TK_OPT_STRING, offsetof(struct start_options, out), false},
        {"stderr", TK_OPT_STRING, offsetof(struct start_options, err), false},
        {"input", TK_OPT_VALUE, offsetof(struct start_options, input_value), false},
        {"env", TK_OPT_VALUE, offsetof(struct start_options, environment), false},
        {NULL, 0, 0, false},
    };
    struct start_options o = {0};
    struct tk_child_options child = {.max_output = MAX_OUTPUT_BYTES};

    lua_settop(L, 1);
    child.args = split_arguments(L, "process.start");
    tk_options(L, -1, "process.start", spec, &o);
    if (o.input_value) {
        luaL_argcheck(L, lua_type(L, o.input_value) == LUA_TSTRING, 1, "input must be text");
        child.input = lua_tolstring(L, o.input_value, &child.input_len);
    }
    child.streams[0] = read_stream(L, "stdout", o.out);
    child.streams[1] = read_stream(L, "stderr", o.err);
    child.environment = read_environment(L, o.environment, "process.start");
    child.directory = o.directory;
    start(L, new_process(L), &child);
    return 1;
}

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
        push_end(L, p->child);
        return 1;
    }
    if (tk_now_ms() >= until_ms) {
        lua_pushnil(L);
        return 1;
    }
    return wait_for_change(L, p, until_ms, context, wait_again);
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
    lua_pushinteger(L, seconds < 0 ? tk_task_deadline_ms(L) : until(L, (int64_t)(seconds * 1000)));
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
    return wait_for_change(L, p, until_ms, context, line_again);
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
    lua_pushinteger(L, o.timeout_ms < 0 ? tk_task_deadline_ms(L) : until(L, o.timeout_ms));
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

// ---- processes that are not our children

static int check_pid(lua_State *L, int index)
{
    lua_Integer pid = luaL_checkinteger(L, index);

    luaL_argcheck(L, pid > 0 && pid <= INT32_MAX, index, "the number of a process is needed");
    return (int)pid;
}

// process.started(pid) -> integer | nil   [-1, +1, e]
static int l_started(lua_State *L)
{
    uint64_t start;

    lua_settop(L, 1);
    start = tk_platform_process_start(check_pid(L, 1));
    if (start == 0) {
        lua_pushnil(L);
    } else {
        lua_pushinteger(L, (lua_Integer)start);
    }
    return 1;
}

// process.signal(pid, started, signal) -> boolean   [-3, +1, e]
static int l_signal(lua_State *L)
{
    struct tk_failure err;
    lua_Integer start;
    int pid, number, sent;

    lua_settop(L, 3);
    pid = check_pid(L, 1);
    start = luaL_checkinteger(L, 2);
    number = tk_platform_signal(luaL_checkstring(L, 3));
    luaL_argcheck(L, number > 0, 3, "TERM, KILL, INT, STOP or CONT is needed");
    sent = tk_platform_signal_process(pid, (uint64_t)start, number, &err);
    if (sent < 0) {
        return tk_raise(L, &err);
    }
    lua_pushboolean(L, sent);
    return 1;
}

int luaopen_process(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"run", l_run},       {"start", l_start}, {"started", l_started},
        {"signal", l_signal}, {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"pid", l_pid},   {"read_line", l_read_line}, {"wait", l_wait},
        {"kill", l_kill}, {"close", l_close},         {NULL, NULL},
    };

    tk_handle_type(L, PROCESS, methods, l_close);
    luaL_newlib(L, functions);
    return 1;
}
