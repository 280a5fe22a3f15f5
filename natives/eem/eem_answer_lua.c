// See eem_answer_lua.h. EEM may leave the body of an error out, and a server that is not EEM may
// answer with anything.
#include "eem_answer_lua.h"

#include "json/json_lua.h"
#include "runtime/lua_util.h"

int tk_eem_raise_bad_answer(lua_State *L, const struct tk_eem_request *request,
                            const struct tk_http_answer *answer, const char *why)
{
    struct tk_failure err;

    tk_eem_bad_answer(request, answer->status, &err, "%s", why);
    return tk_raise(L, &err);
}

// Text of a field of the object on top, also of a number; NULL when absent. Pushes one value.
static const char *push_text(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    return lua_tostring(L, -1);
}

// Pushes what the body says, nil when it is empty. -1 when it is not JSON.
static int push_body(lua_State *L, const struct tk_http_answer *answer, struct tk_failure *err)
{
    if (answer->body.len == 0) {
        lua_pushnil(L);
        return 0;
    }
    return tk_json_decode(L, answer->body.text, answer->body.len, err);
}

bool tk_eem_read_refusal(lua_State *L, const struct tk_eem_request *request,
                         const struct tk_http_answer *answer, struct tk_failure *err)
{
    int top = lua_gettop(L);
    const char *code = NULL, *message = NULL;
    bool from_eem = push_body(L, answer, err) == 0;

    if (from_eem && lua_istable(L, -1)) {
        code = push_text(L, "code");
        lua_pushvalue(L, -2);
        message = push_text(L, "message");
    }
    tk_eem_refused(request, answer->status, code, message, err);
    lua_settop(L, top);
    return from_eem;
}

void tk_eem_push_answer(lua_State *L, const struct tk_eem_request *request,
                        const struct tk_http_answer *answer, bool needed)
{
    struct tk_failure err;

    if (!tk_eem_is_success(answer->status)) {
        tk_eem_read_refusal(L, request, answer, &err);
        tk_raise(L, &err);
    }
    if (push_body(L, answer, &err) != 0) {
        lua_pushfstring(L, "%s (%s, %I bytes)", err.message,
                        answer->content_type[0] ? answer->content_type : "no content type",
                        (LUAI_UACINT)answer->body.len);
        tk_eem_raise_bad_answer(L, request, answer, lua_tostring(L, -1));
    }
    if (!lua_istable(L, -1) && (needed || !lua_isnil(L, -1))) {
        tk_eem_raise_bad_answer(L, request, answer, "it is not an object");
    }
}
