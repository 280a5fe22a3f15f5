// Failure objects as scripts see them: tables with the fields of struct tk_failure and a readable
// tostring. Made here for C and for Lua alike.
#include <ctype.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#include "failure.h"
#include "lua_util.h"

#define METATABLE "failure"

static const char *field(lua_State *L, int index, const char *name)
{
    const char *text;

    lua_getfield(L, index, name);
    text = lua_tostring(L, -1);
    lua_pop(L, 1); // still held by the table
    return text && *text ? text : NULL;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

// Whether the text has the word, not as a part of a longer one: "ms1" is not in "ms10".
static bool mentions(const char *text, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        if ((at == text || !is_word_char(at[-1])) && !is_word_char(at[len])) {
            return true;
        }
    }
    return false;
}

// Who failed, where the message does not say it itself.
static const char *unnamed(lua_State *L, const char *message)
{
    const char *node = field(L, 1, "node"), *source = field(L, 1, "source");

    if (!node && source && strcmp(source, "eem") == 0) {
        node = "ExpEther Manager";
    }
    return node && !mentions(message, node) ? node : NULL;
}

// "ms1: message (target)", without what the message says already. A query says less to people than
// the node that did not answer it, which is known then.
static void add_text(lua_State *L, luaL_Buffer *b)
{
    const char *message = field(L, 1, "message"), *target = field(L, 1, "target"), *who;

    message = message ? message : "no message";
    who = unnamed(L, message);
    if (who) {
        luaL_addstring(b, who);
        luaL_addstring(b, ": ");
    }
    luaL_addstring(b, message);
    if (target && !strstr(message, target) &&
        !(strncmp(target, "SELECT ", 7) == 0 && field(L, 1, "node"))) {
        luaL_addstring(b, " (");
        luaL_addstring(b, target);
        luaL_addstring(b, ")");
    }
}

// "EEM_AUTH: text; hint", plus the place where it was raised for an error in a script.
static int l_tostring(lua_State *L)
{
    const char *code = field(L, 1, "code"), *message = field(L, 1, "message");
    const char *hint = field(L, 1, "hint"), *where = field(L, 1, "where");
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    luaL_addstring(&b, code ? code : "INTERNAL");
    luaL_addstring(&b, ": ");
    add_text(L, &b);
    if (hint) {
        luaL_addstring(&b, "; ");
        luaL_addstring(&b, hint);
    }
    if (where && code && strncmp(code, "SCRIPT_", 7) == 0 && !(message && strstr(message, where))) {
        luaL_addstring(&b, " [at ");
        luaL_addstring(&b, where);
        luaL_addstring(&b, "]");
    }
    luaL_pushresult(&b);
    return 1;
}

static void set_metatable(lua_State *L)
{
    if (luaL_newmetatable(L, METATABLE)) {
        lua_pushcfunction(L, l_tostring);
        lua_setfield(L, -2, "__tostring");
    }
    lua_setmetatable(L, -2);
}

void tk_push_failure(lua_State *L, const struct tk_failure *err)
{
    lua_createtable(L, 0, 8);
    tk_set_string(L, "source", tk_code_source(err->code));
    tk_set_string(L, "code", tk_code_name(err->code));
    tk_set_string(L, "message", err->message);
    tk_set_boolean(L, "transient", err->transient);
    if (err->maybe_executed) {
        tk_set_boolean(L, "maybe_executed", true);
    }
    if (err->http) {
        tk_set_integer(L, "http", err->http);
    }
    if (err->hresult) {
        tk_set_integer(L, "hresult", (lua_Integer)err->hresult);
    }
    if (err->hint[0]) {
        tk_set_string(L, "hint", err->hint);
    }
    if (err->target[0]) {
        tk_set_string(L, "target", err->target);
    }
    set_metatable(L);
}

int tk_raise(lua_State *L, const struct tk_failure *err)
{
    tk_push_failure(L, err);
    return lua_error(L);
}

static int is_failure(lua_State *L, int index)
{
    int yes = 0;

    if (lua_istable(L, index) && lua_getmetatable(L, index)) {
        luaL_getmetatable(L, METATABLE);
        yes = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    return yes;
}

// failure.is(value) -> boolean
static int l_is(lua_State *L)
{
    lua_pushboolean(L, is_failure(L, 1));
    return 1;
}

// failure.text(failure) -> what happened, to whom: without code and hint
static int l_text(lua_State *L)
{
    luaL_Buffer b;

    luaL_argcheck(L, is_failure(L, 1), 1, "failure expected");
    luaL_buffinit(L, &b);
    add_text(L, &b);
    luaL_pushresult(&b);
    return 1;
}

struct fields {
    const char *code, *message, *hint, *target, *node;
    bool transient, maybe_executed;
    int details;
};

// failure.new{ code=, message=, hint=, target=, node=, transient=, details= } -> failure object;
// the code must be in the table.
static int l_new(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"code", TK_OPT_STRING, offsetof(struct fields, code), true},
        {"message", TK_OPT_STRING, offsetof(struct fields, message), true},
        {"hint", TK_OPT_STRING, offsetof(struct fields, hint), false},
        {"target", TK_OPT_STRING, offsetof(struct fields, target), false},
        {"node", TK_OPT_STRING, offsetof(struct fields, node), false},
        {"transient", TK_OPT_BOOLEAN, offsetof(struct fields, transient), false},
        {"maybe_executed", TK_OPT_BOOLEAN, offsetof(struct fields, maybe_executed), false},
        {"details", TK_OPT_VALUE, offsetof(struct fields, details), false},
        {NULL, 0, 0, false},
    };
    struct fields f = {0};
    struct tk_failure err;
    enum tk_code code;

    luaL_checktype(L, 1, LUA_TTABLE);
    tk_options(L, 1, "failure.new", spec, &f);
    code = tk_code_find(f.code);
    if (code == TK_CODE_COUNT) {
        return luaL_error(L, "failure.new: there is no failure code %s (see failure.codes)",
                          f.code);
    }
    tk_fail(&err, code, "%s", f.message);
    err.transient = f.transient || tk_code_transient(code);
    err.maybe_executed = f.maybe_executed;
    tk_fail_hint(&err, "%s", f.hint ? f.hint : "");
    tk_fail_target(&err, f.target);
    tk_push_failure(L, &err);
    tk_set_string(L, "message", f.message); // whole, however long
    if (f.node) {
        tk_set_string(L, "node", f.node);
    }
    if (f.details) {
        lua_pushvalue(L, f.details);
        lua_setfield(L, -2, "details");
    }
    return 1;
}

// failure.raise{...}: failure.new and error in one.
static int l_raise(lua_State *L)
{
    if (!is_failure(L, 1)) {
        l_new(L);
    }
    return lua_error(L);
}

// A copy of a code's entry: whoever writes into it changes nothing.
static void push_code(lua_State *L, enum tk_code code)
{
    static const struct {
        const char *name;
        unsigned flag;
    } flags[] = {
        {"transient", TK_TRANSIENT}, {"unknown", TK_UNKNOWN},     {"unreachable", TK_SILENT},
        {"refusal", TK_REFUSAL},     {"cut_short", TK_CUT_SHORT}, {"settles", TK_SETTLES},
    };
    const char *remedy = tk_code_remedy(code);

    lua_createtable(L, 0, 10);
    tk_set_string(L, "source", tk_code_source(code));
    tk_set_string(L, "exit", tk_code_exit(code));
    tk_set_string(L, "meaning", tk_code_meaning(code));
    if (remedy) {
        tk_set_string(L, "remedy", remedy);
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        tk_set_boolean(L, flags[i].name, (tk_code_flags(code) & flags[i].flag) != 0);
    }
}

// failure.codes[name] -> entry or nil
static int l_code(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    enum tk_code code = tk_code_find(name);

    if (code == TK_CODE_COUNT) {
        return 0;
    }
    push_code(L, code);
    return 1;
}

static int l_code_written(lua_State *L)
{
    return luaL_error(L, "failure.codes is read-only; the list is host/runtime/failure_codes.h");
}

// The next code after the one at index 2 (nil: the first), for pairs().
static int l_next_code(lua_State *L)
{
    int next = lua_isnoneornil(L, 2) ? 0 : (int)tk_code_find(luaL_checkstring(L, 2)) + 1;

    if (next >= TK_CODE_COUNT) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushstring(L, tk_code_name((enum tk_code)next));
    push_code(L, (enum tk_code)next);
    return 2;
}

static int l_code_pairs(lua_State *L)
{
    lua_pushcfunction(L, l_next_code);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

int luaopen_failure(lua_State *L);

int luaopen_failure(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"new", l_new}, {"raise", l_raise}, {"is", l_is}, {"text", l_text}, {NULL, NULL}};
    static const luaL_Reg codes[] = {{"__index", l_code},
                                     {"__newindex", l_code_written},
                                     {"__pairs", l_code_pairs},
                                     {NULL, NULL}};

    luaL_newlib(L, functions);
    lua_newtable(L);
    luaL_newlib(L, codes);
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "codes");
    return 1;
}
