// The module `process`: child processes for scripts, see lua/meta/small.lua and process.h. What
// both ways to start one share is in process_arguments_lua.c and process_handle_lua.c.
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <string.h>
#include <uv.h> // Windows has SIGKILL only there

#include "platform/platform.h"
#include "process_lua.h"
#include "runtime/await.h"
#include "runtime/lua_util.h"

#define RUN_TIMEOUT_MS   60000
#define AFTER_KILL_MS    2000 // until a killed child must have ended
#define AFTER_END_MS     300  // for output that a child's own children still hold open
#define AFTER_TIMEOUT_MS 20   // the same when the time is up anyway

int luaopen_process(lua_State *L);

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
            return tk_process_wait(L, run->process, run->until_ms, context, go_on_running);
        }
    } else if (tk_now_ms() < run->until_ms) {
        return tk_process_wait(L, run->process, run->until_ms, context, go_on_running);
    } else if (!run->timed_out) {
        run->timed_out = true;
        run->until_ms = tk_now_ms() + AFTER_KILL_MS;
        tk_child_kill(child, SIGKILL);
        return tk_process_wait(L, run->process, run->until_ms, context, go_on_running);
    }
    tk_process_push_end(L, child);
    text = tk_child_output(child, TK_CHILD_STDOUT, &len);
    lua_pushlstring(L, text, len);
    lua_setfield(L, -2, "stdout");
    text = tk_child_output(child, TK_CHILD_STDERR, &len);
    lua_pushlstring(L, text, len);
    lua_setfield(L, -2, "stderr");
    tk_set_boolean(L, "timed_out", run->timed_out);
    lua_pushcfunction(L, tk_process_close);
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
    struct run_options o = {.timeout_ms = RUN_TIMEOUT_MS, .max_output = TK_PROCESS_MAX_OUTPUT};
    struct tk_child_options child = {.discard_rest = true};
    struct run *run;
    int keep;

    lua_settop(L, 1);
    child.args = tk_process_arguments(L, "process.run");
    tk_options(L, -1, "process.run", spec, &o);
    if (o.input_value) {
        luaL_argcheck(L, lua_type(L, o.input_value) == LUA_TSTRING, 1, "input must be text");
        child.input = lua_tolstring(L, o.input_value, &child.input_len);
    }
    child.environment = tk_process_environment(L, o.environment, "process.run");
    child.directory = o.directory;
    child.streams[0] = child.streams[1] = TK_CHILD_PIPE;
    child.max_output = o.max_output < SIZE_MAX ? (size_t)o.max_output : SIZE_MAX;
    tk_check_park(L);
    run = lua_newuserdatauv(L, sizeof *run, 0);
    memset(run, 0, sizeof *run);
    run->until_ms = tk_process_until(L, o.timeout_ms);
    keep = lua_gettop(L);
    if (tk_task_deadline_ms(L) <= tk_now_ms()) {
        struct tk_failure err;

        tk_fail(&err, TK_DEADLINE, "no time is left to run \"%s\"", child.args[0]);
        return tk_raise(L, &err);
    }
    run->process = tk_process_new(L);
    tk_process_begin(L, run->process, &child);
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
    struct tk_child_options child = {.max_output = TK_PROCESS_MAX_OUTPUT};

    lua_settop(L, 1);
    child.args = tk_process_arguments(L, "process.start");
    tk_options(L, -1, "process.start", spec, &o);
    if (o.input_value) {
        luaL_argcheck(L, lua_type(L, o.input_value) == LUA_TSTRING, 1, "input must be text");
        child.input = lua_tolstring(L, o.input_value, &child.input_len);
    }
    child.streams[0] = tk_process_stream(L, "stdout", o.out);
    child.streams[1] = tk_process_stream(L, "stderr", o.err);
    child.environment = tk_process_environment(L, o.environment, "process.start");
    child.directory = o.directory;
    tk_process_begin(L, tk_process_new(L), &child);
    return 1;
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

    tk_process_register(L);
    luaL_newlib(L, functions);
    return 1;
}
