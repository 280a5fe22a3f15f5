// The module http: plain requests, for the lab's administrator's client and for specs. It judges
// nothing: every status is an answer, and what prevents an answer is returned as a word.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "http.h"
#include "runtime/await.h"
#include "runtime/lua_util.h"

#define HANDLE_TYPE  "http client"
#define REQUEST_TYPE "http request"
#define TIMEOUT_MS   30000
#define ANSWER_MAX   (UINT64_C(64) << 20)
#define HEADERS_MAX  64

struct client {
    struct tk_http *http;
    int64_t timeout_ms;
};

// Owns what the pool thread touches.
struct request {
    struct tk_http *http;
    char *method, *url, *body;
    size_t body_len;
    char *headers[HEADERS_MAX + 1];
    int header_count;
    enum tk_http_error error;
    struct tk_http_answer answer;
    char message[256];
};

int luaopen_http(lua_State *L);

static int l_request_free(lua_State *L)
{
    struct request *r = luaL_checkudata(L, 1, REQUEST_TYPE);

    tk_http_close(r->http);
    tk_free(r->method);
    tk_free(r->url);
    tk_free(r->body);
    for (int i = 0; i < r->header_count; i++) {
        tk_free(r->headers[i]);
    }
    tk_http_answer_free(&r->answer);
    memset(r, 0, sizeof *r);
    return 0;
}

static int work(void *request, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = request;

    (void)err;
    r->error = tk_http_request(r->http, r->method, r->url, (const char *const *)r->headers, r->body,
                               r->body_len, limit, &r->answer, r->message, sizeof r->message);
    return 0;
}

static int push(lua_State *L, void *request)
{
    static const char *const words[] = {NULL,        "unreachable", "timeout",     "broken", "tls",
                                        "too large", "cancelled",   "bad request", "login"};
    struct request *r = request;

    if (r->error != TK_HTTP_OK) {
        lua_pushnil(L);
        lua_pushstring(L, words[r->error]);
        lua_pushstring(L, r->message);
        return 3;
    }
    lua_createtable(L, 0, 3);
    tk_set_integer(L, "status", r->answer.status);
    tk_set_string(L, "content_type", r->answer.content_type);
    lua_pushlstring(L, r->answer.body.text ? r->answer.body.text : "", r->answer.body.len);
    lua_setfield(L, -2, "body");
    return 1;
}

static void read_headers(lua_State *L, int index, struct request *r)
{
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
            luaL_error(L, "http: headers must be texts by name");
        }
        if (r->header_count == HEADERS_MAX) {
            luaL_error(L, "http: more than %d headers", HEADERS_MAX);
        }
        r->headers[r->header_count++] =
            tk_sprintf("%s: %s", lua_tostring(L, -2), lua_tostring(L, -1));
        lua_pop(L, 1);
    }
}

struct request_options {
    int headers, body;
    int64_t timeout_ms;
};

// client:request(method, url [, { headers =, body =, timeout = }]) -> answer | nil, word, message
static int l_request(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"headers", TK_OPT_VALUE, offsetof(struct request_options, headers), false},
        {"body", TK_OPT_VALUE, offsetof(struct request_options, body), false},
        {"timeout", TK_OPT_SECONDS, offsetof(struct request_options, timeout_ms), false},
        {NULL, 0, 0, false},
    };
    struct client *c = luaL_checkudata(L, 1, HANDLE_TYPE);
    struct request_options o = {.timeout_ms = c->timeout_ms};
    const char *method, *url, *body = "";
    size_t body_len = 0;
    struct request *r;

    lua_settop(L, 4);
    method = luaL_checkstring(L, 2);
    url = luaL_checkstring(L, 3);
    tk_options(L, 4, "http request", spec, &o);
    if (o.body) {
        body = luaL_checklstring(L, o.body, &body_len);
    }
    luaL_argcheck(L, c->http, 1, "the client is closed");
    r = lua_newuserdatauv(L, sizeof *r, 0);
    memset(r, 0, sizeof *r);
    luaL_setmetatable(L, REQUEST_TYPE);
    r->method = tk_strdup(method);
    r->url = tk_strdup(url);
    r->body = tk_strndup(body, body_len);
    r->body_len = body_len;
    r->http = tk_http_share(c->http);
    if (o.headers) {
        int index = lua_gettop(L);

        read_headers(L, o.headers, r);
        lua_settop(L, index);
    }
    return tk_await(L, lua_gettop(L), o.timeout_ms, work, push);
}

static int l_close(lua_State *L)
{
    struct client *c = luaL_checkudata(L, 1, HANDLE_TYPE);

    tk_http_close(c->http);
    c->http = NULL;
    return 0;
}

struct open_options {
    const char *user, *password, *ca;
    bool insecure;
    int64_t timeout_ms;
    uint64_t max_answer;
};

static int l_open(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"user", TK_OPT_STRING, offsetof(struct open_options, user), false},
        {"password", TK_OPT_STRING, offsetof(struct open_options, password), false},
        {"ca", TK_OPT_STRING, offsetof(struct open_options, ca), false},
        {"insecure", TK_OPT_BOOLEAN, offsetof(struct open_options, insecure), false},
        {"timeout", TK_OPT_SECONDS, offsetof(struct open_options, timeout_ms), false},
        {"max_answer", TK_OPT_SIZE, offsetof(struct open_options, max_answer), false},
        {NULL, 0, 0, false},
    };
    struct open_options o = {.timeout_ms = TIMEOUT_MS, .max_answer = ANSWER_MAX};
    struct tk_http_options options = {0};
    struct client *c;

    lua_settop(L, 1);
    tk_options(L, 1, "http.open", spec, &o);
    c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (struct client){.timeout_ms = o.timeout_ms};
    luaL_setmetatable(L, HANDLE_TYPE);
    options.auth = o.user ? "basic" : "none";
    options.user = o.user;
    options.password = o.password;
    options.ca_file = o.ca;
    options.insecure = o.insecure;
    options.max_answer_bytes = o.max_answer;
    c->http = tk_http_open(&options);
    return 1;
}

int luaopen_http(lua_State *L)
{
    static const luaL_Reg methods[] = {{"request", l_request}, {"close", l_close}, {NULL, NULL}};
    static const luaL_Reg request_methods[] = {{NULL, NULL}};
    static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};

    tk_handle_type(L, HANDLE_TYPE, methods, l_close);
    tk_handle_type(L, REQUEST_TYPE, request_methods, l_request_free);
    luaL_newlib(L, functions);
    return 1;
}
