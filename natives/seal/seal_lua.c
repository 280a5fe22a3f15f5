// The module seal: the host's side of WinRM's logins and encrypted messages, for the lab, and the
// framing of these alone, for specs. See lua/meta/small.lua.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "certificate.h"
#include "runtime/lua_util.h"
#include "seal.h"
#include "seal_frame.h"
#include "small/base64.h"

#define CONTEXT_TYPE "security context"
#define SCRATCH_TYPE "seal.scratch"

int luaopen_seal(lua_State *L);

struct context {
    struct tk_seal *seal; // NULL once closed
    enum tk_seal_protocol protocol;
};

// Buffers that live while a function runs, and are freed also when Lua raises.
struct scratch {
    struct tk_buffer in, header, sealed, out;
};

static int free_scratch(lua_State *L)
{
    struct scratch *s = luaL_checkudata(L, 1, SCRATCH_TYPE);

    tk_buffer_free(&s->in);
    tk_buffer_free(&s->header);
    tk_buffer_free(&s->sealed);
    tk_buffer_free(&s->out);
    return 0;
}

static struct scratch *new_scratch(lua_State *L)
{
    struct scratch *s = lua_newuserdatauv(L, sizeof *s, 0);

    memset(s, 0, sizeof *s);
    luaL_setmetatable(L, SCRATCH_TYPE);
    return s;
}

static void push_buffer(lua_State *L, const struct tk_buffer *b)
{
    lua_pushlstring(L, b->text ? b->text : "", b->len);
}

static struct context *check_context(lua_State *L)
{
    struct context *c = luaL_checkudata(L, 1, CONTEXT_TYPE);

    luaL_argcheck(L, c->seal, 1, "the security context is closed");
    return c;
}

static int l_close(lua_State *L)
{
    struct context *c = luaL_checkudata(L, 1, CONTEXT_TYPE);

    tk_seal_close(c->seal);
    c->seal = NULL;
    return 0;
}

struct accept_options {
    const char *keytab;
    int binding;
};

// seal.accept{ keytab =, binding = } -> context
static int l_accept(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"keytab", TK_OPT_STRING, offsetof(struct accept_options, keytab), false},
        {"binding", TK_OPT_VALUE, offsetof(struct accept_options, binding), false},
        {NULL, 0, 0, false},
    };
    struct accept_options o = {0};
    const char *binding = NULL;
    struct tk_failure err;
    struct context *c;
    size_t len = 0;

    lua_settop(L, 1);
    tk_options(L, 1, "seal.accept", spec, &o);
    if (o.binding) {
        binding = luaL_checklstring(L, o.binding, &len);
    }
    c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (struct context){0};
    luaL_setmetatable(L, CONTEXT_TYPE);
    if (tk_seal_accept(&c->seal, o.keytab, binding, len, &err) != 0) {
        return tk_raise(L, &err);
    }
    return 1;
}

// context:step(base64) -> base64 or nil
static int l_step(lua_State *L)
{
    struct context *c = check_context(L);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    struct scratch *s = new_scratch(L);
    struct tk_failure err;

    if (!tk_base64_decode(&s->in, text, len) || s->in.len == 0) {
        tk_fail(&err, TK_WMI_AUTH, "the token is not base64");
        return tk_raise(L, &err);
    }
    if (tk_seal_step(c->seal, s->in.text, s->in.len, &s->out, &err) != 0) {
        return tk_raise(L, &err);
    }
    if (s->out.len == 0) {
        return 0;
    }
    tk_base64_encode(&s->header, s->out.text, s->out.len);
    push_buffer(L, &s->header);
    return 1;
}

// context:account() -> account, mechanism, bound to the channel; nil until both sides are known to
// each other
static int l_account(lua_State *L)
{
    struct context *c = check_context(L);

    if (!tk_seal_is_done(c->seal)) {
        return 0;
    }
    lua_pushstring(L, tk_seal_account(c->seal));
    lua_pushstring(L, tk_seal_mechanism_name(c->seal));
    lua_pushboolean(L, tk_seal_is_bound(c->seal));
    return 3;
}

// context:wrap(text) -> body, content type; by the protocol of what was unwrapped last
static int l_wrap(lua_State *L)
{
    struct context *c = check_context(L);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    struct scratch *s = new_scratch(L);
    struct tk_failure err;

    if (tk_seal_wrap(c->seal, text, len, &s->header, &s->sealed, &err) != 0) {
        return tk_raise(L, &err);
    }
    tk_seal_frame_write(&s->out, c->protocol, len, &s->header, &s->sealed);
    push_buffer(L, &s->out);
    lua_pushstring(L, tk_seal_frame_type(c->protocol));
    return 2;
}

// context:unwrap(content type, body) -> text
static int l_unwrap(lua_State *L)
{
    struct context *c = check_context(L);
    const char *type = luaL_checkstring(L, 2);
    size_t len;
    const char *body = luaL_checklstring(L, 3, &len);
    struct scratch *s = new_scratch(L);
    struct tk_seal_frame frame;
    struct tk_failure err;

    if (tk_seal_frame_read(&frame, type, body, len, &err) != 0 ||
        tk_seal_unwrap(c->seal, frame.header, frame.header_len, frame.sealed, frame.sealed_len,
                       &s->out, &err) != 0) {
        return tk_raise(L, &err);
    }
    if (s->out.len != frame.plain_len) {
        tk_fail(&err, TK_WMI_SEAL, "the message is not as long as it says");
        return tk_raise(L, &err);
    }
    c->protocol = frame.protocol;
    push_buffer(L, &s->out);
    return 1;
}

// seal.read_frame(content type, body) -> { protocol =, type =, length =, header =, sealed = }
static int l_read_frame(lua_State *L)
{
    const char *type = luaL_checkstring(L, 1);
    size_t len;
    const char *body = luaL_checklstring(L, 2, &len);
    struct tk_seal_frame frame;
    struct tk_failure err;

    if (tk_seal_frame_read(&frame, type, body, len, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_createtable(L, 0, 5);
    tk_set_string(L, "protocol", frame.protocol == TK_SEAL_SPNEGO ? "SPNEGO" : "Kerberos");
    tk_set_string(L, "type", frame.inner_type);
    tk_set_integer(L, "length", (lua_Integer)frame.plain_len);
    lua_pushlstring(L, frame.header, frame.header_len);
    lua_setfield(L, -2, "header");
    lua_pushlstring(L, frame.sealed, frame.sealed_len);
    lua_setfield(L, -2, "sealed");
    return 1;
}

// seal.write_frame("SPNEGO"|"Kerberos", length, header, sealed) -> body, content type
static int l_write_frame(lua_State *L)
{
    static const char *const names[] = {"SPNEGO", "Kerberos", NULL};
    enum tk_seal_protocol protocol =
        luaL_checkoption(L, 1, NULL, names) == 0 ? TK_SEAL_SPNEGO : TK_SEAL_KERBEROS;
    lua_Integer plain_len = luaL_checkinteger(L, 2);
    size_t header_len, sealed_len;
    const char *header = luaL_checklstring(L, 3, &header_len);
    const char *sealed = luaL_checklstring(L, 4, &sealed_len);
    struct scratch *s;

    luaL_argcheck(L, plain_len >= 0, 2, "must not be negative");
    s = new_scratch(L);
    tk_buffer_add(&s->header, header, header_len);
    tk_buffer_add(&s->sealed, sealed, sealed_len);
    tk_seal_frame_write(&s->out, protocol, (size_t)plain_len, &s->header, &s->sealed);
    push_buffer(L, &s->out);
    lua_pushstring(L, tk_seal_frame_type(protocol));
    return 2;
}

// seal.binding(pem) -> bytes, or nil
static int l_binding(lua_State *L)
{
    const char *pem = luaL_checkstring(L, 1);
    struct scratch *s = new_scratch(L);

    if (!tk_certificate_binding(&s->out, pem)) {
        return 0;
    }
    push_buffer(L, &s->out);
    return 1;
}

int luaopen_seal(lua_State *L)
{
    static const luaL_Reg functions[] = {{"accept", l_accept},
                                         {"read_frame", l_read_frame},
                                         {"write_frame", l_write_frame},
                                         {"binding", l_binding},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"step", l_step},   {"account", l_account},
                                       {"wrap", l_wrap},   {"unwrap", l_unwrap},
                                       {"close", l_close}, {NULL, NULL}};

    tk_handle_type(L, CONTEXT_TYPE, methods, l_close);
    luaL_newmetatable(L, SCRATCH_TYPE);
    lua_pushcfunction(L, free_scratch);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
