// The module `xml`: see lua/meta/small.lua and xml.h.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "runtime/lua_util.h"
#include "xml.h"

#define DOCUMENT "xml document"

int luaopen_xml(lua_State *L);

struct limits {
    uint64_t bytes;
    int64_t depth, attributes, elements;
};

static const struct tk_option limit_options[] = {
    {"bytes", TK_OPT_SIZE, offsetof(struct limits, bytes), false},
    {"depth", TK_OPT_INTEGER, offsetof(struct limits, depth), false},
    {"attributes", TK_OPT_INTEGER, offsetof(struct limits, attributes), false},
    {"elements", TK_OPT_INTEGER, offsetof(struct limits, elements), false},
    {NULL, 0, 0, false},
};

static int free_document(lua_State *L)
{
    struct tk_xml **root = lua_touserdata(L, 1);

    tk_xml_free(*root);
    *root = NULL;
    return 0;
}

static struct tk_xml **new_document(lua_State *L)
{
    struct tk_xml **root = lua_newuserdatauv(L, sizeof(struct tk_xml *), 0);

    *root = NULL;
    if (luaL_newmetatable(L, DOCUMENT)) {
        lua_pushcfunction(L, free_document);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return root;
}

// Recursion is bounded by the limit on depth.
static void push_element(lua_State *L, const struct tk_xml *e)
{
    lua_Integer count = 0;

    luaL_checkstack(L, 6, "XML is nested too deep");
    lua_createtable(L, 0, 4);
    tk_set_string(L, "name", e->name);
    tk_set_string(L, "ns", e->ns);
    tk_set_string(L, "text", e->text);
    lua_createtable(L, 0, (int)e->attribute_count);
    for (size_t i = 0; i < e->attribute_count; i++) {
        tk_set_string(L, e->attributes[i].name, e->attributes[i].value);
    }
    lua_setfield(L, -2, "attributes");
    for (const struct tk_xml *child = e->first; child; child = child->next) {
        push_element(L, child);
        lua_rawseti(L, -2, ++count);
    }
}

// xml.parse(text [, { bytes =, depth =, attributes =, elements = }]) -> element. Raises
// XML_INVALID.
static int l_parse(lua_State *L)
{
    struct limits l = {0};
    struct tk_xml_limits limits;
    struct tk_failure err;
    struct tk_xml **root;
    const char *text;
    size_t len;

    lua_settop(L, 2);
    text = luaL_checklstring(L, 1, &len);
    tk_options(L, 2, "xml.parse", limit_options, &l);
    if (l.depth < 0 || l.attributes < 0 || l.elements < 0) {
        return luaL_error(L, "xml.parse: a limit must not be negative");
    }
    limits = (struct tk_xml_limits){(size_t)l.bytes, (size_t)l.depth, (size_t)l.attributes,
                                    (size_t)l.elements};
    root = new_document(L);
    if (tk_xml_parse(root, text, len, &limits, &err) != 0) {
        return tk_raise(L, &err);
    }
    push_element(L, *root);
    return 1;
}

static int free_text(lua_State *L)
{
    tk_buffer_free(lua_touserdata(L, 1));
    return 0;
}

// xml.escape(text) -> text for use between tags or quotes
static int l_escape(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct tk_buffer *b;

    luaL_argcheck(L, strlen(text) == len, 1, "contains a zero byte");
    b = lua_newuserdatauv(L, sizeof *b, 0);
    memset(b, 0, sizeof *b);
    if (luaL_newmetatable(L, "xml text")) {
        lua_pushcfunction(L, free_text);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    tk_xml_escape(b, text);
    lua_pushlstring(L, b->text, b->len);
    return 1;
}

int luaopen_xml(lua_State *L)
{
    static const luaL_Reg functions[] = {{"parse", l_parse}, {"escape", l_escape}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
