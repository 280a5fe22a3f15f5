// Methods of Hyperv that change something: at most one thing, and nothing where it is already so.
// All of them [-n, +1, e], export +0; failures: WMI_*, HYPERV_*.
#include "hyperv_lua.h"
#include "runtime/lua_util.h"

#include <string.h>

#define NO_SIZE UINT64_MAX

typedef struct tk_hyperv_request request; // for short

static int w_verb(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return r->verb(&r->changed, r->h, &r->vm, limit, err);
}

static int w_text_verb(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return r->text_verb(&r->changed, r->h, &r->vm, r->text[0], limit, err);
}

static request *request_on_vm(lua_State *L)
{
    struct tk_vm_ref vm;
    request *r;

    lua_settop(L, 2);
    vm = tk_hyperv_check_vm(L, 2);
    r = tk_hyperv_request(L);
    r->vm = vm;
    return r;
}

static int act_on_vm(lua_State *L, tk_vm_verb verb)
{
    request_on_vm(L)->verb = verb;
    return tk_hyperv_act(L, w_verb, tk_hyperv_push_changed);
}

static int act_with_text(lua_State *L, const char *what, tk_vm_text_verb verb)
{
    struct tk_vm_ref vm;
    const char *text;
    request *r;

    lua_settop(L, 3);
    vm = tk_hyperv_check_vm(L, 2);
    text = tk_hyperv_check_text(L, 3, what);
    r = tk_hyperv_request(L);
    r->vm = vm;
    r->text[0] = tk_strdup(text);
    r->text_verb = verb;
    return tk_hyperv_act(L, w_text_verb, tk_hyperv_push_changed);
}

// ---- from a file to a registered machine and back

static int w_import(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    r->found = true;
    return tk_hyperv_import(&r->one, r->h, r->text[0], r->text[1], limit, err);
}

static int l_import(lua_State *L)
{
    static const struct tk_option spec[] = {{"snapshots", TK_OPT_STRING, 0, false},
                                            {NULL, 0, 0, false}};
    const char *file, *snapshots = NULL;
    request *r;

    lua_settop(L, 3);
    file = tk_hyperv_check_text(L, 2, "the path of a .vmcx file is needed");
    tk_options(L, 3, "Hyperv:import", spec, &snapshots);
    r = tk_hyperv_request(L);
    r->text[0] = tk_strdup(file);
    r->text[1] = tk_strdup(snapshots);
    return tk_hyperv_act(L, w_import, tk_hyperv_push_vm);
}

static int w_validate(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_validate(&r->verdict, r->h, &r->vm, limit, err);
}

static int l_validate(lua_State *L)
{
    request_on_vm(L);
    return tk_hyperv_act(L, w_validate, tk_hyperv_push_verdict);
}

static int w_realize(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    r->found = true;
    return tk_hyperv_realize(&r->one, r->h, &r->vm, limit, err);
}

static int l_realize(lua_State *L)
{
    request_on_vm(L);
    return tk_hyperv_act(L, w_realize, tk_hyperv_push_vm);
}

static int l_discard(lua_State *L)
{
    return act_on_vm(L, tk_hyperv_discard);
}

static int l_unregister(lua_State *L)
{
    return act_on_vm(L, tk_hyperv_unregister);
}

static int w_export(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_export(r->h, &r->vm, r->text[0], r->flags[0], r->flags[1], limit, err);
}

static int l_export(lua_State *L)
{
    static const struct tk_option spec[] = {{"with_disks", TK_OPT_BOOLEAN, 0, false},
                                            {"subdirectory", TK_OPT_BOOLEAN, sizeof(bool), false},
                                            {NULL, 0, 0, false}};
    bool flags[2] = {false, false};
    const char *directory;
    struct tk_vm_ref vm;
    request *r;

    lua_settop(L, 4);
    vm = tk_hyperv_check_vm(L, 2);
    directory = tk_hyperv_check_text(L, 3, "a directory is needed");
    tk_options(L, 4, "Hyperv:export", spec, flags);
    r = tk_hyperv_request(L);
    r->vm = vm;
    r->text[0] = tk_strdup(directory);
    memcpy(r->flags, flags, sizeof flags);
    return tk_hyperv_act(L, w_export, tk_hyperv_push_nothing);
}

// ---- settings, disks and adapters

static int w_configure(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_configure(&r->changed, r->h, &r->vm, &r->changes, limit, err);
}

struct configure_options {
    struct tk_vm_changes changes;
    int cache_types; // stack index
};

#define CHANGE(field) offsetof(struct configure_options, changes.field)

// The words become static texts and the folders are copied, because the pool thread reads them.
static int l_configure(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"stop_action", TK_OPT_STRING, CHANGE(stop_action), false},
        {"start_action", TK_OPT_STRING, CHANGE(start_action), false},
        {"checkpoints", TK_OPT_STRING, CHANGE(checkpoints), false},
        {"cache_types", TK_OPT_VALUE, offsetof(struct configure_options, cache_types), false},
        {"low_mmio", TK_OPT_SIZE, CHANGE(low_mmio_bytes), false},
        {"high_mmio", TK_OPT_SIZE, CHANGE(high_mmio_bytes), false},
        {"root", TK_OPT_STRING, CHANGE(root), false},
        {"snapshot_root", TK_OPT_STRING, CHANGE(snapshot_root), false},
        {"swap_root", TK_OPT_STRING, CHANGE(swap_root), false},
        {NULL, 0, 0, false},
    };
    struct configure_options o = {
        .changes = {.cache_types = -1, .low_mmio_bytes = NO_SIZE, .high_mmio_bytes = NO_SIZE}};
    struct tk_vm_changes *c = &o.changes;
    const char *wrong, *known = NULL;
    struct tk_vm_ref vm;
    request *r;

    lua_settop(L, 3);
    vm = tk_hyperv_check_vm(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    tk_options(L, 3, "Hyperv:configure", spec, &o);
    if (o.cache_types) {
        luaL_argcheck(L, lua_isboolean(L, o.cache_types), 3, "cache_types must be true or false");
        c->cache_types = lua_toboolean(L, o.cache_types);
    }
    luaL_argcheck(L, c->low_mmio_bytes != 0 && c->high_mmio_bytes != 0, 3,
                  "low_mmio and high_mmio cannot be nothing");
    c->low_mmio_bytes = c->low_mmio_bytes == NO_SIZE ? 0 : c->low_mmio_bytes;
    c->high_mmio_bytes = c->high_mmio_bytes == NO_SIZE ? 0 : c->high_mmio_bytes;
    wrong = tk_vm_changes_check(c, &known);
    if (wrong) {
        return luaL_error(L, "Hyperv:configure: %s must be %s", wrong, known);
    }
    r = tk_hyperv_request(L);
    r->vm = vm;
    r->changes = *c;
    r->text[0] = tk_strdup(c->root);
    r->text[1] = tk_strdup(c->snapshot_root);
    r->text[2] = tk_strdup(c->swap_root);
    r->changes.root = r->text[0];
    r->changes.snapshot_root = r->text[1];
    r->changes.swap_root = r->text[2];
    return tk_hyperv_act(L, w_configure, tk_hyperv_push_changed);
}

static int w_relink_disk(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_relink_disk(&r->changed, r->h, &r->vm, r->text[0], r->text[1], limit, err);
}

static int l_relink_disk(lua_State *L)
{
    const char *id, *path;
    struct tk_vm_ref vm;
    request *r;

    lua_settop(L, 4);
    vm = tk_hyperv_check_vm(L, 2);
    id = tk_hyperv_check_text(L, 3, "the id of a disk is needed");
    path = tk_hyperv_check_text(L, 4, "the path of a virtual disk is needed");
    r = tk_hyperv_request(L);
    r->vm = vm;
    r->text[0] = tk_strdup(id);
    r->text[1] = tk_strdup(path);
    return tk_hyperv_act(L, w_relink_disk, tk_hyperv_push_changed);
}

static int l_disconnect_adapter(lua_State *L)
{
    return act_with_text(L, "the id of a network adapter is needed", tk_hyperv_disconnect_adapter);
}

// ---- power

static int l_start(lua_State *L)
{
    return act_on_vm(L, tk_hyperv_start);
}

static int l_turn_off(lua_State *L)
{
    return act_on_vm(L, tk_hyperv_turn_off);
}

static int l_clear_saved_state(lua_State *L)
{
    return act_on_vm(L, tk_hyperv_clear_saved_state);
}

static int w_shutdown(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_shutdown(&r->changed, r->h, &r->vm, r->flags[0], r->text[0], limit, err);
}

struct shutdown_options {
    bool force;
    const char *reason;
};

static int l_shutdown(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"force", TK_OPT_BOOLEAN, offsetof(struct shutdown_options, force), false},
        {"reason", TK_OPT_STRING, offsetof(struct shutdown_options, reason), false},
        {NULL, 0, 0, false},
    };
    struct shutdown_options o = {.reason = "Takeover"};
    struct tk_vm_ref vm;
    request *r;

    lua_settop(L, 3);
    vm = tk_hyperv_check_vm(L, 2);
    tk_options(L, 3, "Hyperv:shutdown", spec, &o);
    r = tk_hyperv_request(L);
    r->vm = vm;
    r->flags[0] = o.force;
    r->text[0] = tk_strdup(o.reason ? o.reason : "Takeover");
    return tk_hyperv_act(L, w_shutdown, tk_hyperv_push_changed);
}

// ---- devices

static int w_dismount(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_dismount(&r->changed, r->h, r->text[1], r->text[0], r->flags[0], limit, err);
}

static int w_mount(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_mount(&r->changed, r->h, r->text[1], r->text[0], limit, err);
}

struct device_options {
    const char *location, *instance;
    bool force;
};

// { location =, instance = [, force = ] }
static int act_on_device(lua_State *L, const char *function, const struct tk_option *spec,
                         tk_work work)
{
    struct device_options o = {0};
    request *r;

    lua_settop(L, 2);
    luaL_checktype(L, 2, LUA_TTABLE);
    tk_options(L, 2, function, spec, &o);
    luaL_argcheck(L, *o.location, 2, "the location is empty");
    r = tk_hyperv_request(L);
    r->text[0] = tk_strdup(o.location);
    r->text[1] = tk_strdup(o.instance);
    r->flags[0] = o.force;
    return tk_hyperv_act(L, work, tk_hyperv_push_changed);
}

static int l_dismount(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"location", TK_OPT_STRING, offsetof(struct device_options, location), true},
        {"instance", TK_OPT_STRING, offsetof(struct device_options, instance), false},
        {"force", TK_OPT_BOOLEAN, offsetof(struct device_options, force), false},
        {NULL, 0, 0, false},
    };

    return act_on_device(L, "Hyperv:dismount", spec, w_dismount);
}

static int l_mount(lua_State *L)
{
    static const struct tk_option spec[] = {
        {"location", TK_OPT_STRING, offsetof(struct device_options, location), true},
        {"instance", TK_OPT_STRING, offsetof(struct device_options, instance), false},
        {NULL, 0, 0, false},
    };

    return act_on_device(L, "Hyperv:mount", spec, w_mount);
}

static int l_assign(lua_State *L)
{
    return act_with_text(L, "the location path of a device is needed", tk_hyperv_assign);
}

static int l_unassign(lua_State *L)
{
    return act_with_text(L, "the id of an assignment is needed", tk_hyperv_unassign);
}

// ---- shares of a GPU

static int w_add_share(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_add_share(&r->changed, r->h, &r->vm, r->text[0], r->amount, limit, err);
}

static int l_add_partition(lua_State *L)
{
    struct {
        const char *gpu;
        uint64_t vram;
    } o = {0};
    static const struct tk_option spec[] = {
        {"gpu", TK_OPT_STRING, 0, false},
        {"vram", TK_OPT_SIZE, sizeof(const char *), true},
        {NULL, 0, 0, false},
    };
    struct tk_vm_ref vm;
    request *r;

    lua_settop(L, 3);
    vm = tk_hyperv_check_vm(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    tk_options(L, 3, "Hyperv:add_partition", spec, &o);
    luaL_argcheck(L, !o.gpu || *o.gpu, 3, "the name of the GPU is empty");
    r = tk_hyperv_request(L);
    r->vm = vm;
    r->amount = o.vram;
    r->text[0] = tk_strdup(o.gpu);
    return tk_hyperv_act(L, w_add_share, tk_hyperv_push_changed);
}

static int l_remove_partition(lua_State *L)
{
    return act_with_text(L, "the id of a partition is needed", tk_hyperv_remove_share);
}

const luaL_Reg tk_hyperv_verbs[] = {
    {"import", l_import},
    {"validate", l_validate},
    {"realize", l_realize},
    {"discard", l_discard},
    {"unregister", l_unregister},
    {"export", l_export},
    {"configure", l_configure},
    {"relink_disk", l_relink_disk},
    {"disconnect_adapter", l_disconnect_adapter},
    {"start", l_start},
    {"turn_off", l_turn_off},
    {"clear_saved_state", l_clear_saved_state},
    {"shutdown", l_shutdown},
    {"dismount", l_dismount},
    {"mount", l_mount},
    {"assign", l_assign},
    {"unassign", l_unassign},
    {"add_partition", l_add_partition},
    {"remove_partition", l_remove_partition},
    {NULL, NULL},
};
