// Runs the targets of tests/fuzz/targets.lua in a Lua state that lives from one input to the next.
// An error that leaves a target is a defect: what is wrong in an input must be a failure object, or
// a mistake that was told.
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#include "eem/eem_answer_lua.h"
#include "eem/eem_device_lua.h"
#include "fuzz.h"
#include "runtime/memory.h"
#include "natives.h"

#ifndef TK_SOURCE
#define TK_SOURCE "."
#endif

static lua_State *state;

void tk_fuzz_fail(const char *what, int line)
{
    fprintf(stderr, "does not hold (line %d): %s\n", line, what);
    abort();
}

// eem_answer(body) -> the object in an answer of ExpEther Manager; a byte says with which status.
static int l_eem_answer(lua_State *L)
{
    static const int statuses[] = {200, 204, 400, 404, 500};
    struct tk_eem_request request = {.method = "GET", .path = "/devices"};
    struct tk_http_answer answer = {0};
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);

    answer.status = statuses[len % 5];
    answer.body = (struct tk_buffer){(char *)text, len, len};
    tk_eem_push_answer(L, &request, &answer, true);
    return 1;
}

// eem_device(object) -> the device made from it
static int l_eem_device(lua_State *L)
{
    const char *why = tk_eem_push_device(L, 1, true);

    if (why) {
        lua_pushnil(L);
        lua_pushstring(L, why);
        return 2;
    }
    return 1;
}

static lua_State *opened(void)
{
    if (!state) {
        state = luaL_newstate();
        luaL_openlibs(state);
        tk_natives_register(state);
        lua_register(state, "eem_answer", l_eem_answer);
        lua_register(state, "eem_device", l_eem_device);
        lua_getglobal(state, "package");
        lua_pushliteral(state, TK_SOURCE "/lua/?.lua;" TK_SOURCE "/lua/?/init.lua;");
        lua_setfield(state, -2, "path");
        lua_pop(state, 1);
        if (luaL_dofile(state, TK_SOURCE "/tests/fuzz/targets.lua") != LUA_OK) {
            tk_fuzz_fail(lua_tostring(state, -1), 0);
        }
    }
    return state; // 1: the table of targets, 2: the chosen one
}

int tk_fuzz_lua_target(const char *name)
{
    lua_State *L = opened();

    lua_settop(L, 1);
    return lua_getfield(L, 1, name) == LUA_TFUNCTION;
}

void tk_fuzz_lua(const char *text, size_t len)
{
    lua_State *L = state;

    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_pushlstring(L, text, len);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        tk_fuzz_fail(luaL_tolstring(L, -1, NULL), 0);
    }
}

void tk_fuzz_lua_names(void (*each)(const char *name))
{
    lua_State *L = opened();

    lua_settop(L, 1);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        each(lua_tostring(L, -2));
    }
}

void tk_fuzz_lua_close(void)
{
    if (state) {
        lua_close(state);
        state = NULL;
    }
}
