// The module `console`, which the command line and its output use: see lua/meta/host.lua and
// console.h.
#include "console.h"

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"
#include "runtime/lua_util.h"
#include "runtime/memory.h"

#define HIDDEN_MAX 65536

int luaopen_console(lua_State *L);

static int l_free_buffer(lua_State *L)
{
    struct tk_buffer *b = lua_touserdata(L, 1);

    tk_wipe(b->text, b->size); // it may have been typed as a secret
    tk_buffer_free(b);
    return 0;
}

// Pushes an empty buffer that the collector frees.
static struct tk_buffer *new_buffer(lua_State *L)
{
    struct tk_buffer *b = lua_newuserdatauv(L, sizeof *b, 0);

    memset(b, 0, sizeof *b);
    if (luaL_newmetatable(L, "console buffer")) {
        lua_pushcfunction(L, l_free_buffer);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return b;
}

// A code page's number; -1 where the word or number is none that is known here.
static long code_page_of(const char *word)
{
    char *end;
    unsigned long number;

    if (strcmp(word, "system") == 0) {
        return (long)TK_CODE_PAGE_SYSTEM;
    }
    if (strcmp(word, "utf-8") == 0) {
        return (long)TK_CODE_PAGE_UTF8;
    }
    number = strtoul(word, &end, 10);
    if (word[0] < '1' || word[0] > '9' || *end || number > 65535 ||
        !tk_platform_code_page_known((unsigned)number)) {
        return -1;
    }
    return (long)number;
}

static unsigned check_code_page(lua_State *L, const char *word, const char *function)
{
    long code_page = code_page_of(word);

    if (code_page < 0) {
        luaL_error(L,
                   "%s: there is no code page \"%s\"; known are \"system\", \"utf-8\" and "
                   "numbers such as \"932\"",
                   function, word);
    }
    return (unsigned)code_page;
}

// console.is_code_page(word) -> boolean   [-1, +1, e]
static int l_is_code_page(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushboolean(L, code_page_of(luaL_checkstring(L, 1)) >= 0);
    return 1;
}

struct options {
    const char *out, *err;
    int64_t lines;
};

// console.configure{...}: what is absent stays as it is.   [-1, +0, e]
static int l_configure(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"stdout", TK_OPT_STRING, offsetof(struct options, out), false},
        {"stderr", TK_OPT_STRING, offsetof(struct options, err), false},
        {"lines", TK_OPT_INTEGER, offsetof(struct options, lines), false},
        {NULL, 0, 0, false},
    };
    struct tk_console_settings fresh = *tk_console_settings();
    struct options o = {.lines = fresh.most};

    lua_settop(L, 1);
    tk_options(L, 1, "console.configure", spec, &o);
    if (o.out) {
        fresh.code_page[TK_STDOUT] = check_code_page(L, o.out, "console.configure");
    }
    if (o.err) {
        fresh.code_page[TK_STDERR] = check_code_page(L, o.err, "console.configure");
    }
    if (o.lines != 0 && (o.lines < TK_CONSOLE_LEAST || o.lines > 1000000)) {
        return luaL_error(L, "console.configure: lines must be 0 or at least %d, not %I",
                          TK_CONSOLE_LEAST, (LUAI_UACINT)o.lines);
    }
    fresh.most = (unsigned)o.lines;
    *tk_console_settings() = fresh;
    return 0;
}

// console.write(stream, text [, last])   [-3, +0, e]
static int l_write(lua_State *L)
{
    static const char *const streams[] = {"stdout", "stderr", NULL};
    enum tk_stream stream;
    const char *text;
    size_t len;

    lua_settop(L, 3);
    stream = (enum tk_stream)luaL_checkoption(L, 1, NULL, streams);
    text = luaL_checklstring(L, 2, &len);
    tk_console_write(stream, text, len, lua_toboolean(L, 3));
    return 0;
}

// console.left_out() -> integer   [-0, +1, -]
static int l_left_out(lua_State *L)
{
    lua_pushinteger(L, tk_console_left_out());
    return 1;
}

// console.lost() -> message | nil   [-0, +1, -]
static int l_lost(lua_State *L)
{
    int code = tk_console_lost();

    lua_pushstring(L, code == 0 ? NULL : code == EPIPE ? "" : strerror(code));
    return 1;
}

static int push_converted(lua_State *L, const char *function,
                          void (*convert)(struct tk_buffer *, const char *, size_t, unsigned))
{
    size_t len;
    const char *text;
    unsigned code_page;
    struct tk_buffer *out;

    lua_settop(L, 2);
    text = luaL_checklstring(L, 1, &len);
    code_page = check_code_page(L, luaL_checkstring(L, 2), function);
    out = new_buffer(L);
    convert(out, text, len, code_page);
    lua_pushlstring(L, out->text ? out->text : "", out->len);
    return 1;
}

// console.encode(text, code_page) -> bytes   [-2, +1, e]
static int l_encode(lua_State *L)
{
    return push_converted(L, "console.encode", tk_platform_encode);
}

// console.decode(bytes, code_page) -> text   [-2, +1, e]
static int l_decode(lua_State *L)
{
    return push_converted(L, "console.decode", tk_platform_decode);
}

// console.read_hidden(prompt) -> text   [-1, +1, e]; raises CANCELLED, FS_FAILED
static int l_read_hidden(lua_State *L)
{
    const char *prompt;
    struct tk_buffer *text;
    struct tk_failure err;

    lua_settop(L, 1);
    prompt = luaL_checkstring(L, 1);
    text = new_buffer(L);
    if (tk_platform_read_hidden(text, prompt, HIDDEN_MAX, &err) != 0) {
        return tk_raise(L, &err);
    }
    lua_pushlstring(L, text->text ? text->text : "", text->len);
    return 1;
}

int luaopen_console(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"is_code_page", l_is_code_page},
        {"configure", l_configure},
        {"write", l_write},
        {"left_out", l_left_out},
        {"lost", l_lost},
        {"encode", l_encode},
        {"decode", l_decode},
        {"read_hidden", l_read_hidden},
        {NULL, NULL},
    };

    luaL_newlib(L, functions);
    return 1;
}
