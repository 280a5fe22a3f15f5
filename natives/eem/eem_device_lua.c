// EEM's fields (docs/facts/ecx-eem.md#3.3): all text, hexadecimal as "0x...", up and down as words,
// and which of them are there depends on the kind and generation of the device. So every field may
// be absent, and what is absent is unknown, never "down".
#include "eem_device_lua.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "eem.h"
#include "runtime/lua_util.h"

enum state { ABSENT, UP, DOWN, ODD }; // ODD: a word that is neither

// ---- reading

// Text of a field, NULL when absent or not text. Valid while the table holds it.
static const char *get_text(lua_State *L, int index, const char *name)
{
    const char *text = NULL;

    if (lua_getfield(L, index, name) == LUA_TSTRING) {
        text = lua_tostring(L, -1);
    }
    lua_pop(L, 1);
    return text && *text ? text : NULL;
}

static bool has_word(lua_State *L, int index, const char *name, const char *word)
{
    const char *text = get_text(L, index, name);

    return text && strcmp(text, word) == 0;
}

bool tk_eem_get_integer(lua_State *L, int index, const char *name, lua_Integer *value)
{
    int is_integer;

    lua_getfield(L, index, name);
    *value = lua_tointegerx(L, -1, &is_integer); // also from text
    lua_pop(L, 1);
    return is_integer != 0;
}

static enum state state_of(lua_State *L, int index)
{
    const char *text;

    if (lua_type(L, index) != LUA_TSTRING) {
        return ABSENT;
    }
    text = lua_tostring(L, index);
    return strcmp(text, "up") == 0 ? UP : strcmp(text, "down") == 0 ? DOWN : *text ? ODD : ABSENT;
}

// The better one: one path that is up is enough.
static enum state either(enum state a, enum state b)
{
    static const int rank[] = {[ABSENT] = 0, [DOWN] = 1, [ODD] = 2, [UP] = 3};

    return rank[a] >= rank[b] ? a : b;
}

// A field that is a word, or a list of words of which one is enough.
static enum state get_state(lua_State *L, int index, const char *name)
{
    enum state state = ABSENT;

    if (lua_getfield(L, index, name) == LUA_TTABLE) {
        for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, -1); i++) {
            lua_rawgeti(L, -1, i);
            state = either(state, state_of(L, -1));
            lua_pop(L, 1);
        }
    } else {
        state = state_of(L, -1);
    }
    lua_pop(L, 1);
    return state;
}

static enum state get_either(lua_State *L, int index, const char *name0, const char *name1)
{
    return either(get_state(L, index, name0), get_state(L, index, name1));
}

// ---- writing, to the table on top

static void set_state(lua_State *L, const char *name, enum state state)
{
    static const char *const words[] = {
        [ABSENT] = NULL, [UP] = "up", [DOWN] = "down", [ODD] = "unknown"};

    tk_set_string(L, name, words[state]);
}

// Text, also of a number.
static void copy_text(lua_State *L, int from, const char *name, const char *as)
{
    int type = lua_getfield(L, from, name);

    if ((type == LUA_TSTRING || type == LUA_TNUMBER) && *lua_tostring(L, -1)) {
        lua_setfield(L, -2, as);
    } else {
        lua_pop(L, 1);
    }
}

static void copy_hex(lua_State *L, int from, const char *name, int digits, const char *as)
{
    const char *text = get_text(L, from, name);
    char hex[TK_EEM_ID_SIZE];

    if (text && tk_eem_read_hex(text, digits, hex)) {
        tk_set_string(L, as, hex);
    }
}

// The id of the device with this address; whether there is one at all.
static enum state copy_partner(lua_State *L, int from, const char *name, const char *as)
{
    const char *text = get_text(L, from, name);
    char id[TK_EEM_ID_SIZE];

    if (!text) {
        return ABSENT;
    }
    if (!tk_eem_read_mac(text, id)) {
        return ODD;
    }
    if (!id[0]) {
        return DOWN;
    }
    tk_set_string(L, as, id);
    return UP;
}

static void set_common(lua_State *L, int from)
{
    enum state notified = get_either(L, from, "notification_status0", "notification_status1");
    const char *admin = get_text(L, from, "admin_status");
    const char *monitoring = get_text(L, from, "monitoring_status");

    copy_text(L, from, "type", "type");
    copy_text(L, from, "model", "model");
    copy_text(L, from, "serial_number", "serial");
    copy_text(L, from, "mac_address", "mac");
    copy_text(L, from, "update_time", "update_time");
    if (has_word(L, from, "power_status", "on") || has_word(L, from, "power_status", "off")) {
        copy_text(L, from, "power_status", "power");
    }
    if (notified != ABSENT) {
        tk_set_boolean(L, "reachable", notified == UP);
    }
    if (admin || monitoring) {
        tk_set_boolean(L, "enabled",
                       (!admin || strcmp(admin, "enabled") == 0) &&
                           (!monitoring || strcmp(monitoring, "enabled") == 0));
    }
}

// What is no number is no group: then the device is neither free nor anybody's.
static void set_group(lua_State *L, int from, lua_Integer free_group)
{
    lua_Integer group;
    bool known = tk_eem_get_integer(L, from, "group_id", &group);

    if (known) {
        tk_set_integer(L, "group_id", group);
    }
    tk_set_boolean(L, "free", known && group == free_group);
}

// docs/facts/ecx-eem.md#3.5: attached means all of these at once.
static void set_io(lua_State *L, int from)
{
    static const char *const names[] = {"board_connection", "board", "path", "pcie"};
    enum state states[4];
    size_t present = 0, up = 0, down = 0;

    states[0] = get_state(L, from, "eesv_connection_status");
    states[1] = copy_partner(L, from, "eesv_mac_address", "board");
    states[2] = get_either(L, from, "path_status0", "path_status1");
    states[3] = get_state(L, from, "pcie_connection_status");
    lua_createtable(L, 0, 4);
    for (size_t i = 0; i < 4; i++) {
        set_state(L, names[i], states[i]);
        present += states[i] != ABSENT;
        up += states[i] == UP;
        down += states[i] == DOWN;
    }
    lua_setfield(L, -2, "link_detail");
    tk_set_string(L, "link", down > 0 ? "down" : present > 0 && up == present ? "up" : "unknown");
    copy_hex(L, from, "pcie_vendor_id", 4, "vendor");
    copy_hex(L, from, "pcie_device_id", 4, "device");
    copy_hex(L, from, "pcie_class_code", 6, "class");
}

static void set_port(lua_State *L, int from)
{
    enum state state = get_state(L, from, "eeio_connection_status");
    lua_Integer number;

    lua_createtable(L, 0, 3);
    if (tk_eem_get_integer(L, from, "downstream_port_id", &number)) {
        tk_set_integer(L, "port", number);
    } else {
        copy_text(L, from, "downstream_port_id", "port");
    }
    if (state != ABSENT) {
        tk_set_boolean(L, "up", state == UP);
    }
    copy_partner(L, from, "eeio_mac_address", "device");
}

static void set_board(lua_State *L, int from)
{
    enum state link = get_either(L, from, "link_status0", "link_status1");
    lua_Integer number;
    int ports;

    lua_createtable(L, 0, 1);
    set_state(L, "link", link);
    lua_setfield(L, -2, "link_detail");
    tk_set_string(L, "link", link == UP ? "up" : link == DOWN ? "down" : "unknown");
    if (tk_eem_get_integer(L, from, "max_eeio_count", &number)) {
        tk_set_integer(L, "max_devices", number);
    }
    if (lua_getfield(L, from, "downstream_ports") != LUA_TTABLE) {
        lua_pop(L, 1);
        return;
    }
    ports = lua_gettop(L);
    lua_newtable(L);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, ports); i++) {
        if (lua_rawgeti(L, ports, i) == LUA_TTABLE) {
            set_port(L, lua_gettop(L));
            lua_rawseti(L, ports + 1, (lua_Integer)lua_rawlen(L, ports + 1) + 1);
        }
        lua_settop(L, ports + 1);
    }
    lua_remove(L, ports);
    lua_setfield(L, -2, "ports");
}

const char *tk_eem_push_device(lua_State *L, int index, bool detail)
{
    const char *text;
    char id[TK_EEM_ID_SIZE];

    luaL_checkstack(L, 10, "too many values");
    index = lua_absindex(L, index);
    if (!lua_istable(L, index)) {
        return "a device is not an object";
    }
    text = get_text(L, index, "id");
    if (!text || !tk_eem_read_id(text, id)) {
        return "a device has no id";
    }
    lua_createtable(L, 0, detail ? 20 : 1);
    tk_set_string(L, "id", id);
    if (!detail) {
        return NULL;
    }
    if (has_word(L, index, "status", "eesv")) {
        tk_set_string(L, "kind", "board");
        set_group(L, index, TK_EEM_GROUP_FREE_BOARD);
        set_board(L, index);
    } else if (has_word(L, index, "status", "eeio")) {
        tk_set_string(L, "kind", "io");
        set_group(L, index, TK_EEM_GROUP_FREE_IO);
        set_io(L, index);
    } else {
        set_group(L, index, -1);
        tk_set_string(L, "link", "unknown");
        lua_newtable(L);
        lua_setfield(L, -2, "link_detail");
    }
    set_common(L, index);
    return NULL;
}
