// The module `journal`: see lua/meta/small.lua and journal.h. Tables travel as JSON text, which the
// module `json` makes; what it refuses (functions, lists with holes) is made plain first, because a
// diary should rather be rough than silent.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "journal.h"
#include "json/json_lua.h"
#include "runtime/lua_util.h"
#include "runtime/memory.h"

#define JOURNAL    "journal"
#define JSON_MAX   262144 // bytes of one table's text
#define ANSWER_MAX 65536  // bytes of an answer's
#define DEPTH_MAX  8
#define TOO_LONG   "\"(%d bytes, too long for the journal)\""

static char encode_key; // registry: json.encode

int luaopen_journal(lua_State *L);

static struct tk_journal *check_journal(lua_State *L)
{
    struct tk_journal **j = luaL_checkudata(L, 1, JOURNAL);

    if (!*j) {
        luaL_error(L, "the journal is closed");
    }
    return *j;
}

// ---- JSON --------------------------------------------------------------------------------------

// Pushes a copy of the value that every encoder takes: keys are text, leaves are text, numbers and
// booleans.
static void push_plain(lua_State *L, int index, int depth)
{
    luaL_checkstack(L, 8, "a table nested too deeply");
    if (!lua_istable(L, index) || depth == DEPTH_MAX) {
        if (lua_type(L, index) == LUA_TNUMBER || lua_isboolean(L, index)) {
            lua_pushvalue(L, index);
        } else {
            luaL_tolstring(L, index, NULL);
        }
        return;
    }
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        int value = lua_gettop(L);

        luaL_tolstring(L, value - 1, NULL);
        push_plain(L, value, depth + 1);
        lua_rawset(L, value - 2);
    }
}

static bool encode(lua_State *L, int index)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &encode_key);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_type(L, -1) == LUA_TSTRING) {
        return true;
    }
    lua_pop(L, 1);
    return false;
}

// Pushes the JSON text of the value at `index` and returns it; NULL (and nil pushed) for nil and
// none.
static const char *push_json(lua_State *L, int index)
{
    if (index == 0 || lua_isnoneornil(L, index)) {
        lua_pushnil(L);
        return NULL;
    }
    if (!encode(L, index)) {
        push_plain(L, index, 0);
        if (encode(L, lua_gettop(L))) {
            lua_replace(L, -2);
        } else { // text that is not UTF-8
            lua_pop(L, 1);
            lua_pushliteral(L, "\"(not text)\"");
        }
    }
    if (lua_rawlen(L, -1) > JSON_MAX) {
        lua_pushfstring(L, TOO_LONG, (int)lua_rawlen(L, -1));
        lua_replace(L, -2);
    }
    return lua_tostring(L, -1);
}

// The same for an answer. *cut tells what is lost, as in struct tk_journal_call: one that is too
// long is not kept, what JSON cannot say is kept roughly.
static const char *push_answer(lua_State *L, int index, int64_t *cut)
{
    *cut = -1;
    if (index == 0 || lua_isnoneornil(L, index)) {
        lua_pushnil(L);
        return NULL;
    }
    if (!encode(L, index)) {
        *cut = 0;
        return push_json(L, index);
    }
    if (lua_rawlen(L, -1) > ANSWER_MAX) {
        *cut = (int64_t)lua_rawlen(L, -1);
        lua_pushfstring(L, TOO_LONG, (int)*cut);
        lua_replace(L, -2);
    }
    return lua_tostring(L, -1);
}

// ---- writing -----------------------------------------------------------------------------------

struct options {
    const char *path, *command, *vm, *node, *version, *name, *branch, *state, *message;
    const char *native, *verb, *kind, *target;
    int arguments, environment, failure, request, answer, extra, began, took;
    int64_t run, step, attempts, exit_code, limit, id;
    bool read_only;
    int changed_value;
};

#define OPTION(field, type, required)                                                              \
    {                                                                                              \
#field, type, offsetof(struct options, field), required                                    \
    }
#define OPTION_END                                                                                 \
    {                                                                                              \
        NULL, 0, 0, false                                                                          \
    }

static lua_Number number_at(lua_State *L, int index, const char *what)
{
    if (index == 0) {
        return 0;
    }
    if (lua_type(L, index) != LUA_TNUMBER) {
        luaL_error(L, "Journal:call: %s must be a number of seconds, not %s", what,
                   luaL_typename(L, index));
    }
    return lua_tonumber(L, index);
}

// Journal:begin_run{...} -> run   [-2, +1, e]; everything here raises JOURNAL_FAILED
static int l_begin_run(lua_State *L)
{
    static const struct tk_option spec[] = {
        OPTION(command, TK_OPT_STRING, false),
        OPTION(vm, TK_OPT_STRING, false),
        OPTION(node, TK_OPT_STRING, false),
        OPTION(version, TK_OPT_STRING, false),
        OPTION(arguments, TK_OPT_VALUE, false),
        OPTION(environment, TK_OPT_VALUE, false),
        OPTION_END,
    };
    struct tk_journal *j = check_journal(L);
    struct options o = {0};
    struct tk_journal_run run;
    struct tk_failure err;
    int64_t id;

    lua_settop(L, 2);
    tk_options(L, 2, "Journal:begin_run", spec, &o);
    run = (struct tk_journal_run){.command = o.command,
                                  .vm = o.vm,
                                  .node = o.node,
                                  .version = o.version,
                                  .arguments_json = push_json(L, o.arguments)};
    run.environment_json = push_json(L, o.environment);
    if (tk_journal_begin_run(j, &run, &id, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_pushinteger(L, id);
    return 1;
}

// Journal:begin_step(run, {...}) -> step   [-3, +1, e]
static int l_begin_step(lua_State *L)
{
    static const struct tk_option spec[] = {
        OPTION(name, TK_OPT_STRING, true),
        OPTION(branch, TK_OPT_STRING, false),
        OPTION(state, TK_OPT_STRING, false),
        OPTION_END,
    };
    struct tk_journal *j = check_journal(L);
    int64_t run = luaL_checkinteger(L, 2), id;
    struct options o = {0};
    struct tk_failure err;

    lua_settop(L, 3);
    tk_options(L, 3, "Journal:begin_step", spec, &o);
    if (tk_journal_begin_step(j, run, o.name, o.branch, o.state, &id, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_pushinteger(L, id);
    return 1;
}

// Journal:end_step(step, {...})   [-3, +0, e]
static int l_end_step(lua_State *L)
{
    static const struct tk_option spec[] = {
        OPTION(state, TK_OPT_STRING, true),
        OPTION(attempts, TK_OPT_INTEGER, false),
        OPTION(message, TK_OPT_STRING, false),
        OPTION(failure, TK_OPT_VALUE, false),
        OPTION_END,
    };
    struct tk_journal *j = check_journal(L);
    int64_t step = luaL_checkinteger(L, 2);
    struct options o = {.attempts = -1};
    struct tk_journal_result result;
    struct tk_failure err;

    lua_settop(L, 3);
    tk_options(L, 3, "Journal:end_step", spec, &o);
    result = (struct tk_journal_result){.state = o.state,
                                        .message = o.message,
                                        .attempts = o.attempts,
                                        .failure_json = push_json(L, o.failure)};
    return tk_journal_end_step(j, step, &result, &err) == 0 ? 0 : tk_raise(L, &err);
}

// Journal:call{...} -> was the answer kept?   [-2, +1, e]
static int l_call(lua_State *L)
{
    static const struct tk_option spec[] = {
        OPTION(run, TK_OPT_INTEGER, true),
        OPTION(step, TK_OPT_INTEGER, false),
        OPTION(native, TK_OPT_STRING, true),
        OPTION(verb, TK_OPT_STRING, true),
        OPTION(kind, TK_OPT_STRING, true),
        OPTION(target, TK_OPT_STRING, false),
        OPTION(request, TK_OPT_VALUE, false),
        OPTION(answer, TK_OPT_VALUE, false),
        OPTION(failure, TK_OPT_VALUE, false),
        OPTION(began, TK_OPT_VALUE, true),
        OPTION(took, TK_OPT_VALUE, true),
        {"changed", TK_OPT_VALUE, offsetof(struct options, changed_value), false},
        OPTION(branch, TK_OPT_STRING, false),
        OPTION(extra, TK_OPT_VALUE, false),
        OPTION_END,
    };
    struct tk_journal *j = check_journal(L);
    struct options o = {0};
    struct tk_journal_call call;
    struct tk_failure err;

    lua_settop(L, 2);
    tk_options(L, 2, "Journal:call", spec, &o);
    call = (struct tk_journal_call){.run = o.run,
                                    .step = o.step,
                                    .native = o.native,
                                    .verb = o.verb,
                                    .kind = o.kind,
                                    .target = o.target,
                                    .branch = o.branch,
                                    .began = number_at(L, o.began, "began"),
                                    .took = number_at(L, o.took, "took"),
                                    .changed = -1};
    if (o.changed_value) {
        call.changed = lua_toboolean(L, o.changed_value);
    }
    call.request_json = push_json(L, o.request);
    call.answer_json = push_answer(L, o.answer, &call.cut);
    call.failure_json = push_json(L, o.failure);
    call.extra_json = push_json(L, o.extra);
    if (tk_journal_call(j, &call, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_pushboolean(L, call.cut < 0);
    return 1;
}

// Journal:note(run, text [, data])   [-4, +0, e]
static int l_note(lua_State *L)
{
    struct tk_journal *j = check_journal(L);
    int64_t run = luaL_checkinteger(L, 2);
    const char *text = luaL_checkstring(L, 3);
    struct tk_failure err;

    lua_settop(L, 4);
    return tk_journal_note(j, run, text, push_json(L, 4), &err) == 0 ? 0 : tk_raise(L, &err);
}

// Journal:end_run(run, {...})   [-3, +0, e]
static int l_end_run(lua_State *L)
{
    static const struct tk_option spec[] = {
        OPTION(state, TK_OPT_STRING, true),
        OPTION(exit_code, TK_OPT_INTEGER, true),
        OPTION(message, TK_OPT_STRING, false),
        OPTION(failure, TK_OPT_VALUE, false),
        OPTION_END,
    };
    struct tk_journal *j = check_journal(L);
    int64_t run = luaL_checkinteger(L, 2);
    struct options o = {0};
    struct tk_journal_result result;
    struct tk_failure err;

    lua_settop(L, 3);
    tk_options(L, 3, "Journal:end_run", spec, &o);
    result = (struct tk_journal_result){.state = o.state,
                                        .message = o.message,
                                        .exit_code = o.exit_code,
                                        .failure_json = push_json(L, o.failure)};
    return tk_journal_end_run(j, run, &result, &err) == 0 ? 0 : tk_raise(L, &err);
}

// ---- reading -----------------------------------------------------------------------------------

// Pushes the cell's value; false where it has none.
static bool push_cell(lua_State *L, const struct tk_cell *cell)
{
    struct tk_failure ignored;

    switch (cell->type) {
    case TK_CELL_NONE:
        return false;
    case TK_CELL_INTEGER:
        if (strcmp(cell->name, "changed") == 0) {
            lua_pushboolean(L, cell->integer != 0);
        } else {
            lua_pushinteger(L, cell->integer);
        }
        break;
    case TK_CELL_REAL:
        lua_pushnumber(L, cell->real);
        break;
    case TK_CELL_JSON: // else as text, when redaction has taken something out
        if (tk_json_decode(L, cell->text, cell->len, &ignored) != 0) {
            lua_pushlstring(L, cell->text, cell->len);
        }
        break;
    case TK_CELL_TEXT:
        lua_pushlstring(L, cell->text, cell->len);
        break;
    }
    return true;
}

// Pushes the list of all rows, each a table by column names; of bare values where there is one
// column.
static int push_rows(lua_State *L, struct tk_journal *j, enum tk_journal_query query,
                     const struct tk_journal_filter *filter)
{
    struct tk_cell cells[TK_JOURNAL_CELLS];
    struct tk_failure err;
    lua_Integer row = 0;
    int count = 0, more;

    if (tk_journal_select(j, query, filter, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_newtable(L);
    while ((more = tk_journal_next(j, query, cells, &count, &err)) > 0) {
        if (count == 1) {
            if (push_cell(L, &cells[0])) {
                lua_rawseti(L, -2, ++row);
            }
            continue;
        }
        lua_createtable(L, 0, count);
        for (int i = 0; i < count; i++) {
            if (push_cell(L, &cells[i])) {
                lua_setfield(L, -2, cells[i].name);
            }
        }
        lua_rawseti(L, -2, ++row);
    }
    return more == 0 ? 1 : tk_raise(L, &err);
}

// Journal:runs([filter]) -> list   [-2, +1, e]
static int l_runs(lua_State *L)
{
    static const struct tk_option spec[] = {
        OPTION(vm, TK_OPT_STRING, false),
        OPTION(command, TK_OPT_STRING, false),
        OPTION(limit, TK_OPT_INTEGER, false),
        OPTION(id, TK_OPT_INTEGER, false),
        OPTION_END,
    };
    struct tk_journal *j = check_journal(L);
    struct options o = {0};

    lua_settop(L, 2);
    tk_options(L, 2, "Journal:runs", spec, &o);
    return push_rows(L, j, TK_JOURNAL_RUNS,
                     &(struct tk_journal_filter){
                         .run = o.id, .vm = o.vm, .command = o.command, .limit = o.limit});
}

// Journal:steps(run) -> list   [-2, +1, e]
static int l_steps(lua_State *L)
{
    struct tk_journal *j = check_journal(L);

    return push_rows(L, j, TK_JOURNAL_STEPS,
                     &(struct tk_journal_filter){.run = luaL_checkinteger(L, 2)});
}

// Journal:notes(run) -> list   [-2, +1, e]
static int l_notes(lua_State *L)
{
    struct tk_journal *j = check_journal(L);

    return push_rows(L, j, TK_JOURNAL_NOTES,
                     &(struct tk_journal_filter){.run = luaL_checkinteger(L, 2)});
}

// Journal:calls(run [, filter]) -> list   [-3, +1, e]
static int l_calls(lua_State *L)
{
    static const struct tk_option spec[] = {
        OPTION(step, TK_OPT_INTEGER, false),
        OPTION(kind, TK_OPT_STRING, false),
        OPTION(native, TK_OPT_STRING, false),
        OPTION(limit, TK_OPT_INTEGER, false),
        OPTION_END,
    };
    struct tk_journal *j = check_journal(L);
    int64_t run = luaL_checkinteger(L, 2);
    struct options o = {0};

    lua_settop(L, 3);
    tk_options(L, 3, "Journal:calls", spec, &o);
    return push_rows(
        L, j, TK_JOURNAL_CALLS,
        &(struct tk_journal_filter){
            .run = run, .step = o.step, .kind = o.kind, .native = o.native, .limit = o.limit});
}

// Journal:step_times(vm, command, step_name, limit) -> seconds   [-5, +1, e]
static int l_step_times(lua_State *L)
{
    struct tk_journal *j = check_journal(L);

    return push_rows(L, j, TK_JOURNAL_STEP_TIMES,
                     &(struct tk_journal_filter){.vm = luaL_optstring(L, 2, NULL),
                                                 .command = luaL_optstring(L, 3, NULL),
                                                 .step_name = luaL_checkstring(L, 4),
                                                 .limit = luaL_optinteger(L, 5, 0)});
}

// Journal:device_times(limit) -> list   [-2, +1, e]
static int l_device_times(lua_State *L)
{
    struct tk_journal *j = check_journal(L);

    return push_rows(L, j, TK_JOURNAL_DEVICE_TIMES,
                     &(struct tk_journal_filter){.limit = luaL_optinteger(L, 2, 0)});
}

// ---- opening -----------------------------------------------------------------------------------

static int l_close(lua_State *L)
{
    struct tk_journal **j = luaL_checkudata(L, 1, JOURNAL);

    tk_journal_close(*j);
    *j = NULL;
    return 0;
}

// journal.open{...} -> Journal   [-1, +1, e]
static int l_open(lua_State *L)
{
    static const struct tk_option spec[] = {
        OPTION(path, TK_OPT_STRING, true),
        OPTION(read_only, TK_OPT_BOOLEAN, false),
        OPTION_END,
    };
    struct options o = {0};
    struct tk_journal **j;
    struct tk_failure err;

    lua_settop(L, 1);
    tk_options(L, 1, "journal.open", spec, &o);
    j = lua_newuserdatauv(L, sizeof(struct tk_journal *), 0);
    *j = NULL;
    luaL_setmetatable(L, JOURNAL);
    if (tk_journal_open(j, o.path, o.read_only, &err) != 0) {
        return tk_raise(L, &err);
    }
    return 1;
}

// Journal:aside() -> path | nil   [-1, +1, e]
static int l_aside(lua_State *L)
{
    lua_pushstring(L, tk_journal_aside(check_journal(L)));
    return 1;
}

int luaopen_journal(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"begin_run", l_begin_run},
        {"end_run", l_end_run},
        {"begin_step", l_begin_step},
        {"end_step", l_end_step},
        {"call", l_call},
        {"note", l_note},
        {"runs", l_runs},
        {"steps", l_steps},
        {"calls", l_calls},
        {"notes", l_notes},
        {"step_times", l_step_times},
        {"device_times", l_device_times},
        {"aside", l_aside},
        {"close", l_close},
        {NULL, NULL},
    };

    tk_handle_type(L, JOURNAL, methods, l_close);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "json");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "encode");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &encode_key);
    lua_settop(L, 0);
    luaL_newlib(L, functions);
    return 1;
}
