// The module `wmi`: see lua/meta/wmi.lua. Every request runs on the pool; the request userdata owns
// a share of the connection and copies of all texts. Values are converted in wmi_value_lua.c.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "runtime/await.h"
#include "runtime/lua_util.h"
#include "wmi_lua.h"
#include "wmi_value_lua.h"

#define HANDLE_TYPE       "wmi"
#define REQUEST_TYPE      "wmi.request"
#define DEFAULT_NAMESPACE "root/virtualization/v2"
#define WHOLE_CALL_MS     300000 // a query with all its pulls, a method with its job

int luaopen_wmi(lua_State *L);

struct handle {
    struct tk_wmi *wmi; // NULL: closed
};

struct request {
    struct tk_wmi *wmi;
    char *text; // WQL or path
    char *method;
    struct tk_cim_object *in;
    struct tk_cim_object *out;
    struct tk_cim_list list;
    struct tk_failure failure; // of a method that answered: raised together with the answer
    bool failed;
    bool wait;     // for the job
    bool optional; // NOT_FOUND gives nil
};

// ---- handles and requests

static struct handle *new_handle(lua_State *L)
{
    struct handle *h = lua_newuserdatauv(L, sizeof *h, 0);

    h->wmi = NULL;
    luaL_setmetatable(L, HANDLE_TYPE);
    return h;
}

static int l_close(lua_State *L)
{
    struct handle *h = luaL_checkudata(L, 1, HANDLE_TYPE);

    tk_wmi_close(h->wmi);
    h->wmi = NULL;
    return 0;
}

struct tk_wmi *tk_wmi_check(lua_State *L, int index)
{
    struct handle *h = luaL_checkudata(L, index, HANDLE_TYPE);

    if (!h->wmi) {
        luaL_argerror(L, index, "the connection is closed");
    }
    return h->wmi;
}

static int free_request(lua_State *L)
{
    struct request *r = luaL_checkudata(L, 1, REQUEST_TYPE);

    tk_wmi_close(r->wmi);
    tk_free(r->text);
    tk_free(r->method);
    tk_cim_free(r->in);
    tk_cim_free(r->out);
    tk_cim_list_free(&r->list);
    memset(r, 0, sizeof *r);
    return 0;
}

static struct request *new_request(lua_State *L, struct tk_wmi *wmi, const char *text)
{
    struct request *r = lua_newuserdatauv(L, sizeof *r, 0);

    memset(r, 0, sizeof *r);
    luaL_setmetatable(L, REQUEST_TYPE);
    r->wmi = tk_wmi_share(wmi);
    r->text = tk_strdup(text);
    return r;
}

static const char *check_text(lua_State *L, int index)
{
    size_t len;
    const char *text = luaL_checklstring(L, index, &len);

    luaL_argcheck(L, strlen(text) == len, index, "contains a zero byte");
    return text;
}

// ---- wmi.open

struct open_options {
    const char *host, *url, *name_space, *user, *password, *auth, *ca, *transport, *keytab,
        *host_name;
    bool insecure, ticket, allow_unencrypted;
    int64_t connect_timeout_ms, timeout_ms;
    uint64_t max_answer_bytes;
};

static const struct tk_option open_spec[] = {
    {"host", TK_OPT_STRING, offsetof(struct open_options, host), false},
    {"url", TK_OPT_STRING, offsetof(struct open_options, url), false},
    {"namespace", TK_OPT_STRING, offsetof(struct open_options, name_space), false},
    {"user", TK_OPT_STRING, offsetof(struct open_options, user), false},
    {"password", TK_OPT_STRING, offsetof(struct open_options, password), false},
    {"auth", TK_OPT_STRING, offsetof(struct open_options, auth), false},
    {"host_name", TK_OPT_STRING, offsetof(struct open_options, host_name), false},
    {"keytab", TK_OPT_STRING, offsetof(struct open_options, keytab), false},
    {"ticket", TK_OPT_BOOLEAN, offsetof(struct open_options, ticket), false},
    {"allow_unencrypted", TK_OPT_BOOLEAN, offsetof(struct open_options, allow_unencrypted), false},
    {"ca", TK_OPT_STRING, offsetof(struct open_options, ca), false},
    {"insecure", TK_OPT_BOOLEAN, offsetof(struct open_options, insecure), false},
    {"transport", TK_OPT_STRING, offsetof(struct open_options, transport), false},
    {"connect_timeout", TK_OPT_SECONDS, offsetof(struct open_options, connect_timeout_ms), false},
    {"timeout", TK_OPT_SECONDS, offsetof(struct open_options, timeout_ms), false},
    {"max_answer", TK_OPT_SIZE, offsetof(struct open_options, max_answer_bytes), false},
    {NULL, 0, 0, false},
};

// wmi.open{...} -> connection. Raises misuse only: nothing is connected yet.
static int l_open(lua_State *L)
{
    struct open_options o = {0};
    struct tk_wmi_options options;
    struct tk_failure err;
    struct handle *h;

    lua_settop(L, 1);
    tk_options(L, 1, "wmi.open", open_spec, &o);
    if (o.host && o.url) {
        return luaL_error(L, "wmi.open: host and url exclude each other");
    }
    if (!o.host && !o.url && !o.transport && !tk_wmi_has_transport("local")) {
        return luaL_error(L, "wmi.open: either host or url is needed");
    }
    options = (struct tk_wmi_options){
        .transport = o.transport,
        .host = o.host,
        .url = o.url,
        .name_space = o.name_space ? o.name_space : DEFAULT_NAMESPACE,
        .user = o.user,
        .password = o.password,
        .auth = o.auth,
        .host_name = o.host_name,
        .keytab = o.keytab,
        .ticket = o.ticket,
        .allow_unencrypted = o.allow_unencrypted,
        .ca_file = o.ca,
        .insecure = o.insecure,
        .connect_timeout_ms = o.connect_timeout_ms,
        .timeout_ms = o.timeout_ms,
        .max_answer_bytes = o.max_answer_bytes,
    };
    h = new_handle(L);
    if (tk_wmi_open(&h->wmi, &options, &err) != 0) {
        return luaL_error(L, "wmi.open: %s", err.message);
    }
    return 1;
}

// connection:namespace(name) -> connection
static int l_namespace(lua_State *L)
{
    struct tk_wmi *base = tk_wmi_check(L, 1);
    const char *name = check_text(L, 2);
    struct handle *h = new_handle(L);
    struct tk_failure err;

    if (tk_wmi_namespace(&h->wmi, base, name, &err) != 0) {
        return luaL_error(L, "namespace: %s", err.message);
    }
    return 1;
}

// ---- looking

static int identify_work(void *request, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = request;

    return tk_wmi_identify(&r->out, r->wmi, limit, err);
}

static int identify_push(lua_State *L, void *request)
{
    struct request *r = request;

    lua_createtable(L, 0, 4);
    tk_set_string(L, "security", tk_cim_text(r->out, "Security"));
    tk_set_string(L, "vendor", tk_cim_text(r->out, "ProductVendor"));
    tk_set_string(L, "version", tk_cim_text(r->out, "ProductVersion"));
    tk_set_string(L, "protocol", tk_cim_text(r->out, "ProtocolVersion"));
    return 1;
}

// connection:identify() -> { vendor =, version =, protocol =, security = }
static int l_identify(lua_State *L)
{
    lua_settop(L, 1);
    new_request(L, tk_wmi_check(L, 1), NULL);
    return tk_await(L, 2, WHOLE_CALL_MS, identify_work, identify_push);
}

static int query_work(void *request, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = request;

    return tk_wmi_query(&r->list, r->wmi, r->text, limit, err);
}

static int query_push(lua_State *L, void *request)
{
    tk_wmi_push_list(L, &((struct request *)request)->list);
    return 1;
}

// connection:query(wql) -> list of objects
static int l_query(lua_State *L)
{
    lua_settop(L, 2);
    new_request(L, tk_wmi_check(L, 1), check_text(L, 2));
    return tk_await(L, 3, WHOLE_CALL_MS, query_work, query_push);
}

static int get_work(void *request, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = request;

    if (tk_wmi_get(&r->out, r->wmi, r->text, limit, err) == 0) {
        return 0;
    }
    return r->optional && err->code == TK_WMI_NOT_FOUND ? 0 : -1;
}

static int get_push(lua_State *L, void *request)
{
    tk_wmi_push_object(L, ((struct request *)request)->out);
    return 1;
}

static int look_at(lua_State *L, bool optional)
{
    lua_settop(L, 2);
    new_request(L, tk_wmi_check(L, 1), check_text(L, 2))->optional = optional;
    return tk_await(L, 3, WHOLE_CALL_MS, get_work, get_push);
}

// connection:get(path) -> object
static int l_get(lua_State *L)
{
    return look_at(L, false);
}

// connection:find(path) -> object or nil
static int l_find(lua_State *L)
{
    return look_at(L, true);
}

// ---- calling

static int call_work(void *request, const struct tk_limit *limit, struct tk_failure *err)
{
    struct request *r = request;

    if ((r->wait ? tk_wmi_run : tk_wmi_call)(&r->out, r->wmi, r->text, r->method, r->in, limit,
                                             err) == 0) {
        return 0;
    }
    if (!r->out) {
        return -1;
    }
    r->failed = true; // the method answered: the script may want to see what
    r->failure = *err;
    return 0;
}

static int call_push(lua_State *L, void *request)
{
    struct request *r = request;

    if (!r->failed) {
        tk_wmi_push_object(L, r->out);
        return 1;
    }
    tk_push_failure(L, &r->failure);
    tk_wmi_push_object(L, r->out);
    lua_setfield(L, -2, "details");
    return lua_error(L);
}

struct call_options {
    int64_t timeout_ms;
    bool wait;
};

static const struct tk_option call_spec[] = {
    {"timeout", TK_OPT_SECONDS, offsetof(struct call_options, timeout_ms), false},
    {"wait", TK_OPT_BOOLEAN, offsetof(struct call_options, wait), false},
    {NULL, 0, 0, false},
};

// connection:call(path, method, arguments, options) -> outputs
static int l_call(lua_State *L)
{
    struct call_options o = {.timeout_ms = WHOLE_CALL_MS, .wait = true};
    struct tk_wmi *wmi;
    const char *path, *method;
    struct request *r;

    lua_settop(L, 5);
    wmi = tk_wmi_check(L, 1);
    path = check_text(L, 2);
    method = check_text(L, 3);
    tk_options(L, 5, "call", call_spec, &o);
    lua_settop(L, 5);
    r = new_request(L, wmi, path);
    r->method = tk_strdup(method);
    r->wait = o.wait;
    r->in = tk_cim_new("");
    tk_wmi_read_arguments(L, 4, "call", r->in);
    return tk_await(L, 6, o.timeout_ms, call_work, call_push);
}

// ---- texts

struct text {
    char *text;
    struct tk_cim_path path;
};

static int free_text(lua_State *L)
{
    struct text *t = lua_touserdata(L, 1);

    tk_free(t->text);
    t->text = NULL;
    tk_cim_path_free(&t->path);
    return 0;
}

static struct text *new_text(lua_State *L)
{
    struct text *t = lua_newuserdatauv(L, sizeof *t, 0);

    memset(t, 0, sizeof *t);
    if (luaL_newmetatable(L, "wmi.text")) {
        lua_pushcfunction(L, free_text);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return t;
}

// wmi.quote(text) -> text for use between single quotes in WQL
static int l_quote(lua_State *L)
{
    const char *text = check_text(L, 1);
    struct text *t = new_text(L);

    t->text = tk_wql_quote(text);
    lua_pushstring(L, t->text);
    return 1;
}

// wmi.path(class, keys) -> object path
static int l_path(lua_State *L)
{
    const char *class_name;
    struct text *t;

    lua_settop(L, 2);
    class_name = check_text(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    t = new_text(L);
    t->path.keys = tk_cim_new(class_name);
    tk_wmi_read_arguments(L, 2, "wmi.path", t->path.keys);
    for (size_t i = 0; i < t->path.keys->count; i++) {
        const struct tk_cim_property *p = &t->path.keys->properties[i];

        if (p->is_array || p->is_null || !p->values[0].text) {
            return luaL_error(L, "wmi.path: the key %s must be text, a whole number or a boolean",
                              p->name);
        }
    }
    t->text = tk_cim_path_format(&t->path);
    lua_pushstring(L, t->text);
    return 1;
}

// wmi.transports() -> list of names
static int l_transports(lua_State *L)
{
    lua_settop(L, 0);
    lua_newtable(L);
    lua_pushliteral(L, "wsman");
    lua_rawseti(L, 1, 1);
    for (int i = 0; tk_wmi_platform_transports[i].name; i++) {
        lua_pushstring(L, tk_wmi_platform_transports[i].name);
        lua_rawseti(L, 1, i + 2);
    }
    return 1;
}

int luaopen_wmi(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", l_open},
                                         {"quote", l_quote},
                                         {"path", l_path},
                                         {"transports", l_transports},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"namespace", l_namespace}, {"identify", l_identify}, {"query", l_query}, {"get", l_get},
        {"find", l_find},           {"call", l_call},         {"close", l_close}, {NULL, NULL},
    };

    tk_handle_type(L, HANDLE_TYPE, methods, l_close);
    luaL_newmetatable(L, REQUEST_TYPE);
    lua_pushcfunction(L, free_request);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    tk_wmi_value_functions(L);
    tk_wmi_meaning_functions(L);
    return 1;
}
