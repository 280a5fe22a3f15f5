// The module `eem`: see lua/meta/eem.lua. Requests run on the pool (eem.c); the answers are decoded
// here, on the loop's thread. `connect` and `disconnect` are two requests, one after the other: the
// `push` of the first awaits the second.
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#include "eem.h"
#include "eem_answer_lua.h"
#include "eem_device_lua.h"
#include "json/json_lua.h"
#include "runtime/await.h"
#include "runtime/lua_util.h"

#define HANDLE_TYPE        "eem"
#define CALL_TYPE          "eem.call"
#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS         30000 // as in NEC's own client
#define MAX_ANSWER         (UINT64_C(8) << 20)

struct handle {
    struct tk_eem *eem; // NULL when closed
    int64_t timeout_ms;
};

// One call of a verb: the request under way and what the verb wants.
struct call {
    struct tk_eem *eem;
    int64_t timeout_ms;
    struct tk_eem_request request;
    struct tk_http_answer answer;
    lua_Integer group_id; // connect: the wanted one, 0 when EEM is to choose
    bool detail;          // devices
    bool optional;        // device: nil when it is not known
};

// ---- the call

static int call_free(lua_State *L)
{
    struct call *c = luaL_checkudata(L, 1, CALL_TYPE);

    tk_http_answer_free(&c->answer);
    tk_eem_close(c->eem);
    c->eem = NULL;
    return 0;
}

static struct call *new_call(lua_State *L, const struct handle *h)
{
    struct call *c = lua_newuserdatauv(L, sizeof *c, 0);

    memset(c, 0, sizeof *c);
    luaL_setmetatable(L, CALL_TYPE);
    c->eem = tk_eem_share(h->eem);
    c->timeout_ms = h->timeout_ms;
    return c;
}

static int work(void *request, const struct tk_limit *limit, struct tk_failure *err)
{
    struct call *c = request;

    return tk_eem_exchange(c->eem, &c->request, limit, &c->answer, err);
}

// Index 2 holds the call, in every verb.
static int send_request(lua_State *L, struct call *c, const char *method, tk_push push)
{
    tk_http_answer_free(&c->answer);
    c->request.method = method;
    return tk_await(L, 2, c->timeout_ms, work, push);
}

// ---- eem.open

struct open_options {
    const char *url;
    const char *user;
    const char *password;
    const char *auth;
    const char *ca;
    bool insecure;
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
    uint64_t max_answer;
};

static void check_options(lua_State *L, struct open_options *o)
{
    const char *problem = tk_eem_url_problem(o->url);

    if (problem) {
        luaL_error(L, "eem.open: url %s", problem);
    }
    if (!o->auth) {
        o->auth = o->user ? "basic" : "none";
    }
    if (strcmp(o->auth, "none") != 0 && strcmp(o->auth, "basic") != 0 &&
        strcmp(o->auth, "encoded") != 0) {
        luaL_error(L, "eem.open: auth must be \"none\", \"basic\" or \"encoded\"");
    }
    if (strcmp(o->auth, "basic") == 0 && (!o->user || !o->password)) {
        luaL_error(L, "eem.open: auth \"basic\" needs user and password");
    }
    if (strcmp(o->auth, "encoded") == 0 && (!o->password || strpbrk(o->password, "\r\n"))) {
        luaL_error(L, "eem.open: auth \"encoded\" needs a password, on one line");
    }
    if (o->timeout_ms <= 0 || o->connect_timeout_ms <= 0 || o->max_answer == 0) {
        luaL_error(L, "eem.open: timeout, connect_timeout and max_answer must be more than 0");
    }
}

static int l_open(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"url", TK_OPT_STRING, offsetof(struct open_options, url), true},
        {"user", TK_OPT_STRING, offsetof(struct open_options, user), false},
        {"password", TK_OPT_STRING, offsetof(struct open_options, password), false},
        {"auth", TK_OPT_STRING, offsetof(struct open_options, auth), false},
        {"ca", TK_OPT_STRING, offsetof(struct open_options, ca), false},
        {"insecure", TK_OPT_BOOLEAN, offsetof(struct open_options, insecure), false},
        {"connect_timeout", TK_OPT_SECONDS, offsetof(struct open_options, connect_timeout_ms),
         false},
        {"timeout", TK_OPT_SECONDS, offsetof(struct open_options, timeout_ms), false},
        {"max_answer", TK_OPT_SIZE, offsetof(struct open_options, max_answer), false},
        {NULL, 0, 0, false},
    };
    struct open_options o = {
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = TIMEOUT_MS,
        .max_answer = MAX_ANSWER,
    };
    struct tk_http_options http;
    struct handle *h;

    lua_settop(L, 1);
    tk_options(L, 1, "eem.open", spec, &o);
    check_options(L, &o);
    http = (struct tk_http_options){
        .auth = o.auth,
        .user = o.user,
        .password = o.password,
        .ca_file = o.ca,
        .insecure = o.insecure,
        .connect_timeout_ms = o.connect_timeout_ms,
        .timeout_ms = o.timeout_ms,
        .max_answer_bytes = o.max_answer,
    };
    h = lua_newuserdatauv(L, sizeof *h, 0);
    memset(h, 0, sizeof *h);
    luaL_setmetatable(L, HANDLE_TYPE);
    h->timeout_ms = o.timeout_ms;
    h->eem = tk_eem_open(o.url, &http);
    return 1;
}

static int l_close(lua_State *L)
{
    struct handle *h = luaL_checkudata(L, 1, HANDLE_TYPE);

    tk_eem_close(h->eem);
    h->eem = NULL;
    return 0;
}

// ---- arguments

static const struct handle *check_handle(lua_State *L)
{
    const struct handle *h = luaL_checkudata(L, 1, HANDLE_TYPE);

    if (!h->eem) {
        luaL_error(L, "this eem handle is closed");
    }
    return h;
}

static void check_id(lua_State *L, char id[TK_EEM_ID_SIZE])
{
    luaL_checktype(L, 2, LUA_TSTRING);
    if (lua_rawlen(L, 2) != strlen(lua_tostring(L, 2)) || !tk_eem_read_id(lua_tostring(L, 2), id)) {
        luaL_argerror(L, 2, "a device id is 0x and hexadecimal digits, like \"0x8cdf9d911c60\"");
    }
}

// Handle at 1 and id at 2 become handle at 1 and call at 2; other arguments are read before.
static struct call *device_call(lua_State *L, const char *suffix)
{
    const struct handle *h = check_handle(L);
    char id[TK_EEM_ID_SIZE];
    struct call *c;

    check_id(L, id);
    lua_settop(L, 1);
    c = new_call(L, h);
    memcpy(c->request.id, id, sizeof id);
    snprintf(c->request.path, sizeof c->request.path, "/devices/%s%s", id, suffix);
    return c;
}

// ---- verbs that look

static int push_version(lua_State *L, void *request)
{
    const struct call *c = request;

    tk_eem_push_answer(L, &c->request, &c->answer, true);
    lua_getfield(L, -1, "version_number");
    if (!lua_tostring(L, -1)) { // a number becomes text

        return tk_eem_raise_bad_answer(L, &c->request, &c->answer, "version_number is missing");
    }
    return 1;
}

// eem:version() -> text   [-0, +1, v]
static int l_version(lua_State *L)
{
    const struct handle *h = check_handle(L);
    struct call *c;

    lua_settop(L, 1);
    c = new_call(L, h);
    snprintf(c->request.path, sizeof c->request.path, "/api_version");
    return send_request(L, c, "GET", push_version);
}

static int push_devices(lua_State *L, void *request)
{
    const struct call *c = request;
    int list, result;

    tk_eem_push_answer(L, &c->request, &c->answer, true);
    lua_getfield(L, -1, "devices");
    if (!tk_json_is_list(L, -1)) {
        return tk_eem_raise_bad_answer(L, &c->request, &c->answer,
                                       "the list of devices is missing");
    }
    list = lua_gettop(L);
    lua_createtable(L, (int)lua_rawlen(L, list), 0);
    result = lua_gettop(L);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, list); i++) {
        const char *problem;

        lua_rawgeti(L, list, i);
        problem = tk_eem_push_device(L, -1, c->detail);
        if (problem) {
            return tk_eem_raise_bad_answer(L, &c->request, &c->answer, problem);
        }
        lua_rawseti(L, result, i);
        lua_settop(L, result);
    }
    return 1;
}

struct filter {
    const char *status;
    int64_t group_id;
    bool detail;
};

// eem:devices([filter]) -> list   [-0, +1, v]
static int l_devices(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"status", TK_OPT_STRING, offsetof(struct filter, status), false},
        {"group_id", TK_OPT_INTEGER, offsetof(struct filter, group_id), false},
        {"detail", TK_OPT_BOOLEAN, offsetof(struct filter, detail), false},
        {NULL, 0, 0, false},
    };
    const struct handle *h = check_handle(L);
    struct filter f = {.group_id = -1, .detail = true};
    const char *status = "";
    char group[40] = "";
    struct call *c;

    lua_settop(L, 2);
    tk_options(L, 2, "eem:devices", spec, &f);
    if (f.status && strcmp(f.status, "board") == 0) {
        status = "status=eesv";
    } else if (f.status && strcmp(f.status, "io") == 0) {
        status = "status=eeio";
    } else if (f.status) {
        return luaL_error(L, "eem:devices: status must be \"board\" or \"io\"");
    }
    if (f.group_id != -1 &&
        (f.group_id < TK_EEM_GROUP_FIRST || f.group_id > TK_EEM_GROUP_FREE_BOARD)) {
        return luaL_error(L, "eem:devices: group_id must be from %d to %d", TK_EEM_GROUP_FIRST,
                          TK_EEM_GROUP_FREE_BOARD);
    }
    if (f.group_id != -1) {
        snprintf(group, sizeof group, "%sgroup_id=%d", *status ? "&" : "", (int)f.group_id);
    }
    lua_settop(L, 1);
    c = new_call(L, h);
    c->detail = f.detail;
    snprintf(c->request.path, sizeof c->request.path, "/devices%s%s%s%s", f.detail ? "/detail" : "",
             *status || *group ? "?" : "", status, group);
    return send_request(L, c, "GET", push_devices);
}

// Pushes the device of the answer.
static void push_device(lua_State *L, const struct call *c)
{
    const char *problem;

    tk_eem_push_answer(L, &c->request, &c->answer, true);
    lua_getfield(L, -1, "device");
    problem = tk_eem_push_device(L, -1, true);
    if (problem) {
        tk_eem_raise_bad_answer(L, &c->request, &c->answer, problem);
    }
    lua_getfield(L, -1, "id");
    if (strcmp(lua_tostring(L, -1), c->request.id) != 0) {
        tk_eem_raise_bad_answer(L, &c->request, &c->answer, "it describes another device");
    }
    lua_pop(L, 1);
}

static int push_found_device(lua_State *L, void *request)
{
    const struct call *c = request;
    struct tk_failure err;

    if (c->optional && !tk_eem_is_success(c->answer.status) &&
        tk_eem_read_refusal(L, &c->request, &c->answer, &err) && err.code == TK_EEM_NOT_FOUND) {
        lua_pushnil(L);
        return 1;
    }
    push_device(L, c);
    return 1;
}

// eem:device(id) -> device   [-0, +1, v]
static int l_device(lua_State *L)
{
    struct call *c = device_call(L, "");

    return send_request(L, c, "GET", push_found_device);
}

// eem:find_device(id) -> device | nil   [-0, +1, v]
static int l_find_device(lua_State *L)
{
    struct call *c = device_call(L, "");

    c->optional = true;
    return send_request(L, c, "GET", push_found_device);
}

// ---- verbs that change

static int push_changed(lua_State *L, void *request)
{
    const struct call *c = request;
    lua_Integer group;

    tk_eem_push_answer(L, &c->request, &c->answer, false);
    if (c->group_id != 0 && lua_istable(L, -1) && tk_eem_get_integer(L, -1, "group_id", &group) &&
        group != c->group_id) {
        return tk_eem_raise_bad_answer(L, &c->request, &c->answer,
                                       "it names another group than the wanted one");
    }
    lua_pushboolean(L, true);
    return 1;
}

static int unchanged(lua_State *L)
{
    lua_pushboolean(L, false);
    return 1;
}

static bool get_flag(lua_State *L, const char *name)
{
    bool flag;

    lua_getfield(L, -1, name);
    flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

static bool is_board(lua_State *L)
{
    bool yes;

    lua_getfield(L, -1, "kind");
    yes = lua_isstring(L, -1) && strcmp(lua_tostring(L, -1), "board") == 0;
    lua_pop(L, 1);
    return yes;
}

static void set_group_path(struct call *c)
{
    snprintf(c->request.path, sizeof c->request.path, "/devices/%s/group_id", c->request.id);
}

static int connect_seen(lua_State *L, void *request)
{
    struct call *c = request;
    struct tk_failure err;
    lua_Integer group = 0;
    bool grouped;

    push_device(L, c);
    grouped = tk_eem_get_integer(L, -1, "group_id", &group);
    if (c->group_id != 0 ? group == c->group_id : grouped && !get_flag(L, "free")) {
        return unchanged(L);
    }
    if (c->group_id == 0 && !is_board(L)) {
        tk_fail(&err, TK_EEM_REFUSED, "ExpEther Manager chooses a group for server boards only");
        tk_fail_hint(&err, "give the group id of the board that the device is to go to");
        tk_fail_target(&err, c->request.id);
        return tk_raise(L, &err);
    }
    set_group_path(c);
    if (c->group_id != 0) { // a number as text, like all of EEM's
        snprintf(c->request.body, sizeof c->request.body, "{\"group_id\":\"%d\"}",
                 (int)c->group_id);
    } else {
        snprintf(c->request.body, sizeof c->request.body, "{\"group_id\":null}");
    }
    return send_request(L, c, "PUT", push_changed);
}

// eem:connect(id [, group_id]) -> changed   [-0, +1, v]
static int l_connect(lua_State *L)
{
    lua_Integer group_id = luaL_optinteger(L, 3, 0);
    struct call *c;

    if (!lua_isnoneornil(L, 3) && (group_id < TK_EEM_GROUP_FIRST || group_id > TK_EEM_GROUP_LAST)) {
        lua_pushfstring(L, "a group id is from %d to %d", TK_EEM_GROUP_FIRST, TK_EEM_GROUP_LAST);
        return luaL_argerror(L, 3, lua_tostring(L, -1));
    }
    c = device_call(L, "");
    c->group_id = group_id;
    return send_request(L, c, "GET", connect_seen);
}

static int disconnect_seen(lua_State *L, void *request)
{
    struct call *c = request;

    push_device(L, c);
    if (get_flag(L, "free")) {
        return unchanged(L);
    }
    set_group_path(c);
    return send_request(L, c, "DELETE", push_changed);
}

// eem:disconnect(id) -> changed   [-0, +1, v]
static int l_disconnect(lua_State *L)
{
    struct call *c = device_call(L, "");

    return send_request(L, c, "GET", disconnect_seen);
}

static int push_nothing(lua_State *L, void *request)
{
    const struct call *c = request;

    tk_eem_push_answer(L, &c->request, &c->answer, false);
    return 0;
}

// eem:audit(id)   [-0, +0, v]
static int l_audit(lua_State *L)
{
    struct call *c = device_call(L, "/audit");

    return send_request(L, c, "PUT", push_nothing);
}

// ---- registration

int luaopen_eem(lua_State *L);

int luaopen_eem(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"version", l_version}, {"devices", l_devices},
        {"device", l_device},   {"find_device", l_find_device},
        {"connect", l_connect}, {"disconnect", l_disconnect},
        {"audit", l_audit},     {"close", l_close},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};

    tk_handle_type(L, HANDLE_TYPE, methods, l_close);
    if (luaL_newmetatable(L, CALL_TYPE)) {
        lua_pushcfunction(L, call_free);
        lua_setfield(L, -2, "__gc");
    }
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
