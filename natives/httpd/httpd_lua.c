// The module httpd: requests become tasks. One task for each server takes requests from the queue
// and starts a task for each, so that handlers may wait.
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#include "httpd.h"
#include "runtime/await.h"
#include "runtime/lua_util.h"

#define SERVER_TYPE   "httpd server"
#define EXCHANGE_TYPE "httpd request"
#define MAX_BODY      (UINT64_C(16) << 20)

struct server {
    struct tk_httpd *httpd;     // NULL once closed, and for a port that says nothing
    struct tk_httpd_mute *mute; // that port, NULL once closed
    lua_State *acceptor;        // the task that waits for requests, while it waits
    int port;
};

struct request {
    struct tk_exchange *exchange;
};

int luaopen_httpd(lua_State *L);

// ---- requests -------------------------------------------------------------------------------

static int l_release_request(lua_State *L)
{
    struct request *r = luaL_checkudata(L, 1, EXCHANGE_TYPE);

    if (r->exchange) {
        tk_exchange_release(r->exchange);
        r->exchange = NULL;
    }
    return 0;
}

// request.close(): drops the connection without an answer.
static int l_drop(lua_State *L)
{
    struct request *r = lua_touserdata(L, lua_upvalueindex(1));

    if (r->exchange) {
        tk_exchange_drop(r->exchange);
    }
    return 0;
}

// A repeated name is joined with ", " (RFC 9110, 5.3).
static void set_pairs(lua_State *L, const char *name, const struct tk_httpd_pairs *pairs)
{
    lua_createtable(L, 0, (int)pairs->count);
    for (size_t i = 0; i < pairs->count; i++) {
        if (lua_getfield(L, -1, pairs->items[i].name) == LUA_TSTRING) {
            lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), pairs->items[i].value);
        } else {
            lua_pushstring(L, pairs->items[i].value);
        }
        lua_setfield(L, -3, pairs->items[i].name);
        lua_pop(L, 1);
    }
    lua_setfield(L, -2, name);
}

static void push_request(lua_State *L, int index, const struct tk_exchange *x)
{
    lua_createtable(L, 0, 8);
    tk_set_string(L, "method", x->method);
    tk_set_string(L, "path", x->path);
    set_pairs(L, "query", &x->query);
    set_pairs(L, "headers", &x->headers);
    lua_pushlstring(L, x->body.text ? x->body.text : "", x->body.len);
    lua_setfield(L, -2, "body");
    tk_set_boolean(L, "secure", x->secure);
    tk_set_integer(L, "connection", (lua_Integer)x->connection);
    lua_pushvalue(L, index);
    lua_pushcclosure(L, l_drop, 1);
    lua_setfield(L, -2, "close");
}

// ---- answers --------------------------------------------------------------------------------

static void answer_error(struct tk_exchange *x, const char *text)
{
    struct tk_httpd_pairs headers = {0};
    struct tk_httpd_answer answer = {
        .status = 500, .headers = &headers, .body = text, .body_len = strlen(text)};

    tk_httpd_pairs_add(&headers, "Content-Type", "text/plain; charset=utf-8");
    tk_exchange_answer(x, &answer);
    tk_httpd_pairs_free(&headers);
}

static int l_free_pairs(lua_State *L)
{
    tk_httpd_pairs_free(lua_touserdata(L, 1));
    return 0;
}

// A userdata, so that an error while the headers are read frees them.
static struct tk_httpd_pairs *new_pairs(lua_State *L)
{
    struct tk_httpd_pairs *pairs = lua_newuserdatauv(L, sizeof *pairs, 0);

    *pairs = (struct tk_httpd_pairs){0};
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_free_pairs);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return pairs;
}

static void read_headers(lua_State *L, int index, struct tk_httpd_pairs *out)
{
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
            luaL_error(L, "httpd: headers must be texts by name");
        }
        tk_httpd_pairs_add(out, lua_tostring(L, -2), lua_tostring(L, -1));
        lua_pop(L, 1);
    }
}

struct answer_options {
    int64_t status, pad, truncate;
    int headers, body;
};

// respond(request, { status=, headers=, body=, pad=, truncate= })
static int l_respond(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"status", TK_OPT_INTEGER, offsetof(struct answer_options, status), false},
        {"pad", TK_OPT_INTEGER, offsetof(struct answer_options, pad), false},
        {"truncate", TK_OPT_INTEGER, offsetof(struct answer_options, truncate), false},
        {"headers", TK_OPT_VALUE, offsetof(struct answer_options, headers), false},
        {"body", TK_OPT_VALUE, offsetof(struct answer_options, body), false},
        {NULL, 0, 0, false},
    };
    struct request *r = luaL_checkudata(L, 1, EXCHANGE_TYPE);
    struct answer_options o = {.status = 200, .truncate = -1};
    struct tk_httpd_answer answer = {.body = ""};
    struct tk_httpd_pairs *headers;

    lua_settop(L, 2);
    tk_options(L, 2, "httpd", spec, &o);
    luaL_argcheck(L, o.status >= 200 && o.status <= 599, 2, "status must be from 200 to 599");
    luaL_argcheck(L, o.pad >= 0, 2, "pad must not be negative");
    if (o.body) {
        answer.body = luaL_checklstring(L, o.body, &answer.body_len);
    }
    headers = new_pairs(L);
    if (o.headers) {
        read_headers(L, o.headers, headers);
    }
    answer.status = (int)o.status;
    answer.headers = headers;
    answer.pad_bytes = (uint64_t)o.pad;
    answer.truncated = o.truncate >= 0;
    answer.truncate_bytes = answer.truncated ? (uint64_t)o.truncate : 0;
    lua_pushboolean(L, tk_exchange_answer(r->exchange, &answer));
    return 1;
}

// What the handler returned, or the error that it raised, is on top; the request is at 1.
static int handled(lua_State *L, int status, lua_KContext context)
{
    struct request *r = lua_touserdata(L, 1);
    bool ok = status == LUA_OK || status == LUA_YIELD;

    (void)context;
    if (ok && !lua_isnil(L, -1)) {
        lua_pushcfunction(L, l_respond);
        lua_pushvalue(L, 1);
        lua_pushvalue(L, -3);
        ok = lua_pcall(L, 2, 1, 0) == LUA_OK;
    }
    if (!ok) {
        const char *text = luaL_tolstring(L, -1, NULL);

        fprintf(stderr, "httpd: the handler failed: %s\n", text);
        answer_error(r->exchange, text);
    }
    // No answer until now: none will come.
    tk_exchange_release(r->exchange);
    r->exchange = NULL;
    return 0;
}

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

// The task of one request: handle(request, handler).
static int l_handle(lua_State *L)
{
    struct request *r = lua_touserdata(L, 1);

    lua_settop(L, 2);
    lua_pushcfunction(L, traceback);
    lua_pushvalue(L, 2);
    push_request(L, 1, r->exchange);
    return handled(L, lua_pcallk(L, 1, 1, 3, 0, handled), 0);
}

// ---- the server -----------------------------------------------------------------------------

static void on_arrived(void *arg)
{
    struct server *s = arg;

    if (s->acceptor) {
        lua_State *co = s->acceptor;

        s->acceptor = NULL;
        tk_wake(co);
    }
}

// accept(server, handler, scheduler): takes requests until the server is closed.
static int accept_more(lua_State *L, int status, lua_KContext context)
{
    struct server *s = lua_touserdata(L, 1);

    (void)status;
    (void)context;
    while (s->httpd) {
        struct request *r;

        lua_getfield(L, 3, "spawn");
        lua_pushcfunction(L, l_handle);
        r = lua_newuserdatauv(L, sizeof *r, 1);
        r->exchange = NULL;
        luaL_setmetatable(L, EXCHANGE_TYPE);
        r->exchange = tk_httpd_take(s->httpd);
        if (!r->exchange) {
            lua_settop(L, 3);
            s->acceptor = L;
            return tk_park(L, 0, accept_more);
        }
        lua_pushvalue(L, 2);
        lua_call(L, 3, 0);
    }
    return 0;
}

static int l_accept(lua_State *L)
{
    lua_settop(L, 3);
    return accept_more(L, LUA_OK, 0);
}

static struct server *check_server(lua_State *L)
{
    return luaL_checkudata(L, 1, SERVER_TYPE);
}

static int l_port(lua_State *L)
{
    lua_pushinteger(L, check_server(L)->port);
    return 1;
}

static int l_close(lua_State *L)
{
    struct server *s = check_server(L);

    if (s->httpd) {
        tk_httpd_close(s->httpd);
        s->httpd = NULL;
        on_arrived(s); // ends the accepting task
    }
    if (s->mute) {
        tk_httpd_mute_close(s->mute);
        s->mute = NULL;
    }
    return 0;
}

// Nobody refers to the server any more, so neither does its accepting task: it must not be woken.
static int l_collect(lua_State *L)
{
    check_server(L)->acceptor = NULL;
    return l_close(L);
}

struct listen_options {
    int64_t port;
    const char *address, *certificate, *key;
    uint64_t max_body;
    int handler;
    bool silent;
};

// A server that says nothing: is on top.
static int listen_silently(lua_State *L, struct server *s, const struct listen_options *o)
{
    struct tk_failure err;

    if (tk_httpd_mute_open(&s->mute, o->address, (int)o->port, &err) != 0) {
        return tk_raise(L, &err);
    }
    s->port = tk_httpd_mute_port(s->mute);
    return 1;
}

static int l_listen(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"port", TK_OPT_INTEGER, offsetof(struct listen_options, port), false},
        {"address", TK_OPT_STRING, offsetof(struct listen_options, address), false},
        {"certificate", TK_OPT_STRING, offsetof(struct listen_options, certificate), false},
        {"key", TK_OPT_STRING, offsetof(struct listen_options, key), false},
        {"max_body", TK_OPT_SIZE, offsetof(struct listen_options, max_body), false},
        {"handler", TK_OPT_VALUE, offsetof(struct listen_options, handler), false},
        {"silent", TK_OPT_BOOLEAN, offsetof(struct listen_options, silent), false},
        {NULL, 0, 0, false},
    };
    struct listen_options o = {.max_body = MAX_BODY};
    struct tk_httpd_options options = {0};
    struct tk_failure err;
    struct server *s;

    lua_settop(L, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    tk_options(L, 1, "httpd.listen", spec, &o);
    if (!o.silent) {
        luaL_argcheck(L, o.handler && lua_isfunction(L, o.handler), 1,
                      "handler must be a function");
    }
    luaL_argcheck(L, o.port >= 0 && o.port <= 65535, 1, "port must be from 0 to 65535");
    luaL_argcheck(L, !o.certificate == !o.key, 1, "certificate and key belong together");
    s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (struct server){0};
    luaL_setmetatable(L, SERVER_TYPE);
    if (o.silent) {
        return listen_silently(L, s, &o);
    }
    options.address = o.address;
    options.port = (int)o.port;
    options.certificate = o.certificate;
    options.key = o.key;
    options.max_body_bytes = (size_t)o.max_body;
    options.arrived = on_arrived;
    options.arg = s;
    if (tk_httpd_open(&s->httpd, &options, &err) != 0) {
        return tk_raise(L, &err);
    }
    s->port = tk_httpd_port(s->httpd);
    // scheduler.spawn_family(accept, server, handler, scheduler): it outlives whoever opened it
    lua_getglobal(L, "require");
    lua_pushliteral(L, "core.scheduler");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "spawn_family");
    lua_pushcfunction(L, l_accept);
    lua_pushvalue(L, -4);
    lua_pushvalue(L, o.handler);
    lua_pushvalue(L, -5);
    lua_call(L, 4, 0);
    lua_pop(L, 1); // the scheduler
    return 1;
}

int luaopen_httpd(lua_State *L)
{
    static const luaL_Reg server_methods[] = {{"port", l_port}, {"close", l_close}, {NULL, NULL}};
    static const luaL_Reg request_methods[] = {{NULL, NULL}};
    static const luaL_Reg functions[] = {{"listen", l_listen}, {NULL, NULL}};

    tk_handle_type(L, SERVER_TYPE, server_methods, l_close);
    luaL_getmetatable(L, SERVER_TYPE);
    lua_pushcfunction(L, l_collect);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    tk_handle_type(L, EXCHANGE_TYPE, request_methods, l_release_request);
    luaL_newlib(L, functions);
    return 1;
}
