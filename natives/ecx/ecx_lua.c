// The module `ecx`: see lua/meta/small.lua and ecx.h. The commands of EXPRESSCLUSTER run through
// the module `process`, so that a task which waits for one gives way to the others.
#include <ctype.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ecx.h"
#include "log/log.h"
#include "platform/platform.h"
#include "runtime/lua_util.h"
#include "runtime/outside.h"
#include "runtime/redact.h"

#define TIMEOUT_S    10
#define ORDER_S      3600 // a group is moved when its scripts have ended
#define MESSAGE_MAX  511  // bytes; not confirmed by a public text, and cutting does no harm
#define OUTPUT_SHOWN 200  // bytes of a failed command's words

int luaopen_ecx(lua_State *L);

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
    if (luaL_newmetatable(L, "ecx buffer")) {
        lua_pushcfunction(L, l_free_buffer);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return b;
}

// ---- ecx.environment ---------------------------------------------------------------------------

// Pushes the variable's value and returns true; false where it is absent or empty.
static bool push_variable(lua_State *L, const char *name, bool word)
{
    const char *value = getenv(name);
    luaL_Buffer b;

    if (!value || !*value) {
        return false;
    }
    luaL_buffinit(L, &b);
    for (; *value; value++) {
        luaL_addchar(&b, (char)(word ? tolower((unsigned char)*value) : *value));
    }
    luaL_pushresult(&b);
    return true;
}

static void set_typed(lua_State *L, const char *field)
{
    const char *value = lua_tostring(L, -1);

    if (strcmp(field, "priority") == 0) {
        int is_number;
        lua_Integer number = lua_tointegerx(L, -1, &is_number);

        lua_pop(L, 1);
        if (!is_number) {
            return;
        }
        lua_pushinteger(L, number);
    } else if (strcmp(field, "previous_server") == 0 && strcmp(value, "not defined") == 0) {
        lua_pop(L, 1); // what a public sample of NEC's checks for
        return;
    }
    lua_setfield(L, 1, field);
}

// ecx.environment() -> table   [-0, +1, e]
static int l_environment(lua_State *L)
{
    const char *event;
    bool under_cluster;

    lua_settop(L, 0);
    lua_newtable(L);
    for (const struct tk_ecx_variable *v = tk_ecx_variables; v->field; v++) {
        for (int i = 0; i < 2 && v->names[i]; i++) {
            if (push_variable(L, v->names[i], v->word)) {
                set_typed(L, v->field);
                break;
            }
        }
    }
    lua_getfield(L, 1, "event");
    event = lua_tostring(L, -1);
    under_cluster = event && (strcmp(event, "start") == 0 || strcmp(event, "failover") == 0 ||
                              strcmp(event, "recover") == 0);
    lua_pop(L, 1);
    if (lua_getfield(L, 1, "action") != LUA_TNIL) {
        under_cluster = true; // a script before a recovery has this one and no event
    }
    lua_pop(L, 1);
    tk_set_boolean(L, "under_cluster", under_cluster);
    return 1;
}

// ---- running its commands ----------------------------------------------------------------------

struct options {
    int64_t timeout_ms;
    const char *command;
    bool alert;
    int64_t id;
};

// Pushes the program's path and returns true; false where there is none.
static bool find_program(lua_State *L, const char *name)
{
    struct tk_buffer *path = new_buffer(L), *also = new_buffer(L);
    const char *installed = getenv("CLP_PATH");
    bool found;

    if (installed && *installed) {
        tk_buffer_printf(also, "%s/bin", installed);
    }
    found = tk_platform_find_program(path, name, also->text);
    if (found) {
        lua_pushlstring(L, path->text, path->len);
        lua_replace(L, -3);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 2);
    }
    return found;
}

// Pushes process.run and the table { program } with the program on top before. More arguments are
// appended by add_argument.
static void prepare(lua_State *L, int64_t timeout_ms)
{
    lua_newtable(L);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
    lua_pushnumber(L, (lua_Number)timeout_ms / 1000);
    lua_setfield(L, -2, "timeout");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "process");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "run");
    lua_replace(L, -2);
    lua_insert(L, -2);
}

static void add_argument(lua_State *L, const char *text)
{
    lua_pushstring(L, text);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

// With the result of process.run on top: raises ECX_FAILED unless the exit code is 0.
static void check_result(lua_State *L, const char *program)
{
    int result = lua_gettop(L);
    struct tk_failure err;
    const char *words;
    size_t shown;

    lua_getfield(L, result, "timed_out");
    if (lua_toboolean(L, -1)) {
        tk_fail(&err, TK_ECX_FAILED, "%s did not end in time", program);
        tk_raise(L, &err);
    }
    lua_getfield(L, result, "code");
    if (lua_tointeger(L, -1) == 0 && lua_isinteger(L, -1)) {
        lua_settop(L, result);
        return;
    }
    lua_getfield(L, result, "stderr");
    lua_getfield(L, result, "stdout");
    words = lua_tostring(L, lua_rawlen(L, -2) > 0 ? -2 : -1);
    shown = strcspn(words, "\r\n");
    if (lua_isinteger(L, -3)) {
        tk_fail(&err, TK_ECX_FAILED, "%s ended with code %d: %.*s", program,
                (int)lua_tointeger(L, -3), (int)(shown < OUTPUT_SHOWN ? shown : OUTPUT_SHOWN),
                words);
    } else {
        tk_fail(&err, TK_ECX_FAILED, "%s was ended by a signal", program);
    }
    tk_raise(L, &err);
}

// ---- ecx.log -----------------------------------------------------------------------------------

static int logged(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    check_result(L, "clplogcmd");
    lua_pushboolean(L, 1);
    return 1;
}

// Pushes the text as clplogcmd may have it: one line, no secret, not too long.
static void push_message(lua_State *L, int index)
{
    int top = lua_gettop(L);
    struct tk_buffer *clean = new_buffer(L), *shown;
    size_t len;
    const char *text = luaL_tolstring(L, index, &len);

    tk_redact(clean, text, len);
    for (size_t i = 0; i < clean->len; i++) {
        if (strchr("\t\n\r", clean->text[i])) {
            clean->text[i] = ' ';
        }
    }
    shown = new_buffer(L);
    tk_escape(shown, clean->text ? clean->text : "", clean->len, TK_ESCAPE_ALL);
    clean = shown;
    len = clean->len;
    if (len > MESSAGE_MAX) {
        len = MESSAGE_MAX;
        while (len > 0 && ((unsigned char)clean->text[len] & 0xc0) == 0x80) {
            len--; // not in the middle of a character
        }
    }
    lua_pushlstring(L, clean->text ? clean->text : "", len);
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
}

// ecx.log(level, text [, options]) -> boolean   [-3, +1, e]; raises ECX_FAILED
static int l_log(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"alert", TK_OPT_BOOLEAN, offsetof(struct options, alert), false},
        {"id", TK_OPT_INTEGER, offsetof(struct options, id), false},
        {"command", TK_OPT_STRING, offsetof(struct options, command), false},
        {"timeout", TK_OPT_SECONDS, offsetof(struct options, timeout_ms), false},
        {NULL, 0, 0, false},
    };
    static const char *const levels[] = {"info", "warn", "error", NULL};
    static const char *const words[] = {"INFO", "WARN", "ERR"};
    struct options o = {.timeout_ms = TIMEOUT_S * 1000, .command = "clplogcmd", .id = -1};
    int level;

    lua_settop(L, 3);
    level = luaL_checkoption(L, 1, NULL, levels);
    luaL_checkany(L, 2);
    tk_options(L, 3, "ecx.log", spec, &o);
    if (!find_program(L, o.command)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    prepare(L, o.timeout_ms);
    add_argument(L, "-m");
    push_message(L, 2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    add_argument(L, "-l");
    add_argument(L, words[level]);
    if (o.id >= 0) {
        char number[32];

        snprintf(number, sizeof number, "%lld", (long long)o.id);
        add_argument(L, "-i");
        add_argument(L, number);
    }
    if (o.alert) {
        add_argument(L, "--alert");
    }
    lua_callk(L, 1, 1, 0, logged);
    return logged(L, LUA_OK, 0);
}

// ---- ecx.status --------------------------------------------------------------------------------

static int l_free_status(lua_State *L)
{
    tk_ecx_status_free(lua_touserdata(L, 1));
    return 0;
}

// Stack: the text of clpstat on top. Pushes the table.
static void push_status(lua_State *L, const char *text)
{
    struct tk_ecx_status *status = lua_newuserdatauv(L, sizeof *status, 0);
    int result;

    memset(status, 0, sizeof *status);
    if (luaL_newmetatable(L, "ecx status")) {
        lua_pushcfunction(L, l_free_status);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    tk_ecx_status_parse(status, text);
    lua_createtable(L, 0, 3);
    result = lua_gettop(L);
    lua_newtable(L); // servers
    lua_newtable(L); // groups
    for (size_t i = 0; i < status->count; i++) {
        const struct tk_ecx_entry *e = &status->entries[i];

        if (e->is_group) {
            lua_createtable(L, 0, 2);
            tk_set_string(L, "state", e->state);
            tk_set_string(L, "server", e->server);
            lua_setfield(L, result + 2, e->name);
        } else {
            lua_pushstring(L, e->state);
            lua_setfield(L, result + 1, e->name);
        }
    }
    lua_setfield(L, result, "groups");
    lua_setfield(L, result, "servers");
    lua_pushstring(L, text);
    lua_setfield(L, result, "text");
}

static int stat_ended(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    check_result(L, "clpstat");
    lua_getfield(L, -1, "stdout");
    push_status(L, lua_tostring(L, -1));
    return 1;
}

static const struct tk_option command_options[] = {
    {"command", TK_OPT_STRING, offsetof(struct options, command), false},
    {"timeout", TK_OPT_SECONDS, offsetof(struct options, timeout_ms), false},
    {NULL, 0, 0, false},
};

// ecx.status([options]) -> table | nil   [-1, +1, e]; raises ECX_FAILED
static int l_status(lua_State *L)
{
    struct options o = {.timeout_ms = TIMEOUT_S * 1000, .command = "clpstat"};

    lua_settop(L, 1);
    tk_options(L, 1, "ecx.status", command_options, &o);
    if (!find_program(L, o.command)) {
        lua_pushnil(L);
        return 1;
    }
    prepare(L, o.timeout_ms);
    lua_callk(L, 1, 1, 0, stat_ended);
    return stat_ended(L, LUA_OK, 0);
}

// ---- ecx.group_server --------------------------------------------------------------------------

static int group_told(lua_State *L, int status, lua_KContext context)
{
    const char *text;
    size_t len;

    (void)status;
    (void)context;
    lua_getfield(L, -1, "code");
    lua_getfield(L, -2, "stdout");
    text = lua_tostring(L, -1);
    text += strspn(text, " \t\r\n");
    len = strcspn(text, " \t\r\n");
    // One word is a server's name; more than one is an explanation.
    if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) != 0 || len == 0 ||
        text[len + strspn(text + len, " \t\r\n")] != '\0') {
        lua_pushnil(L);
    } else {
        lua_pushlstring(L, text, len);
    }
    return 1;
}

// ecx.group_server(group [, options]) -> server | nil   [-2, +1, e]
static int l_group_server(lua_State *L)
{
    struct options o = {.timeout_ms = TIMEOUT_S * 1000, .command = "clpgrp"};
    const char *group;

    lua_settop(L, 2);
    group = luaL_checkstring(L, 1);
    tk_options(L, 2, "ecx.group_server", command_options, &o);
    if (!find_program(L, o.command)) {
        lua_pushnil(L);
        return 1;
    }
    prepare(L, o.timeout_ms);
    add_argument(L, "-n");
    add_argument(L, group);
    lua_callk(L, 1, 1, 0, group_told);
    return group_told(L, LUA_OK, 0);
}

// ---- ecx.move_group, ecx.stop_group ------------------------------------------------------------

static int group_ordered(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    check_result(L, "clpgrp");
    lua_pushboolean(L, 1);
    return 1;
}

struct order_options {
    struct options common;
    const char *server;
};

// Runs clpgrp VERB GROUP [-a server].
static int order_group(lua_State *L, const char *function, const char *verb,
                       const struct tk_option *spec)
{
    struct order_options o = {.common = {.timeout_ms = ORDER_S * 1000, .command = "clpgrp"}};
    const char *group;

    lua_settop(L, 2);
    group = luaL_checkstring(L, 1);
    luaL_argcheck(L, *group && *group != '-', 1, "the name of a group is needed");
    tk_options(L, 2, function, spec, &o);
    luaL_argcheck(L, !o.server || (*o.server && *o.server != '-'), 2,
                  "the name of a server is needed");
    if (!find_program(L, o.common.command)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    prepare(L, o.common.timeout_ms);
    add_argument(L, verb);
    add_argument(L, group);
    if (o.server) {
        add_argument(L, "-a");
        add_argument(L, o.server);
    }
    lua_callk(L, 1, 1, 0, group_ordered);
    return group_ordered(L, LUA_OK, 0);
}

// ecx.move_group(group [, options]) -> boolean   [-2, +1, e]; raises ECX_FAILED. That -a names the
// server it goes to is not verified (docs/facts/ecx-eem.md#1.5).
static int l_move_group(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"command", TK_OPT_STRING, offsetof(struct order_options, common.command), false},
        {"server", TK_OPT_STRING, offsetof(struct order_options, server), false},
        {"timeout", TK_OPT_SECONDS, offsetof(struct order_options, common.timeout_ms), false},
        {NULL, 0, 0, false},
    };

    return order_group(L, "ecx.move_group", "-m", spec);
}

// ecx.stop_group(group [, options]) -> boolean   [-2, +1, e]; raises ECX_FAILED
static int l_stop_group(lua_State *L)
{
    return order_group(L, "ecx.stop_group", "-t", command_options);
}

int luaopen_ecx(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"environment", l_environment},
        {"log", l_log},
        {"status", l_status},
        {"group_server", l_group_server},
        {"move_group", l_move_group},
        {"stop_group", l_stop_group},
        {NULL, NULL},
    };

    luaL_newlib(L, functions);
    return 1;
}
