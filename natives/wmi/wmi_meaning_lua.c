// wmi.meaning and wmi.page: the table of wmi_hresult.c for scripts; the simulation of the lab
// raises by it what the program raises.
#include <lauxlib.h>

#include "wmi_hresult.h"
#include "wmi_lua.h"

static int push(lua_State *L, enum tk_code code, unsigned marks)
{
    lua_pushstring(L, tk_code_name(code));
    lua_pushboolean(L, (marks & TK_PASSES) != 0);
    lua_pushboolean(L, (marks & TK_MAYBE_DONE) != 0);
    return 3;
}

// wmi.meaning(number) -> code, transient, maybe_executed; or nil   [-1, +1|3, e]
static int l_meaning(lua_State *L)
{
    lua_Integer number = luaL_checkinteger(L, 1);
    const struct tk_wmi_hresult *known =
        number >= 0 && number <= UINT32_MAX ? tk_wmi_hresult_find((uint32_t)number) : NULL;

    if (!known) {
        lua_pushnil(L);
        return 1;
    }
    return push(L, known->code, known->marks);
}

// wmi.page(http) -> code, transient, maybe_executed   [-1, +3, e]
static int l_page(lua_State *L)
{
    struct tk_wmi_page page = tk_wmi_page_of((int)luaL_checkinteger(L, 1));

    return push(L, page.code, page.marks);
}

void tk_wmi_meaning_functions(lua_State *L)
{
    lua_pushcfunction(L, l_meaning);
    lua_setfield(L, -2, "meaning");
    lua_pushcfunction(L, l_page);
    lua_setfield(L, -2, "page");
}
