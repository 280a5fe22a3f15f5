// Methods of Hyperv that only look. All of them [-n, +1, e]; failures: WMI_*, HYPERV_VM_NOT_FOUND
// where a machine is asked about.
#include "hyperv_lua.h"

typedef struct tk_hyperv_request request; // for short

static int w_host(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_host(&r->name, r->h, limit, err);
}

static int l_host(lua_State *L)
{
    lua_settop(L, 1);
    tk_hyperv_request(L);
    return tk_hyperv_look_up(L, w_host, tk_hyperv_push_host);
}

static int w_vms(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_vms(&r->vms, r->h, limit, err);
}

static int l_vms(lua_State *L)
{
    lua_settop(L, 1);
    tk_hyperv_request(L);
    return tk_hyperv_look_up(L, w_vms, tk_hyperv_push_vms);
}

static int w_planned_vms(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_planned_vms(&r->vms, r->h, limit, err);
}

static int l_planned_vms(lua_State *L)
{
    lua_settop(L, 1);
    tk_hyperv_request(L);
    return tk_hyperv_look_up(L, w_planned_vms, tk_hyperv_push_vms);
}

static int w_workers(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_workers(&r->workers, r->h, limit, err);
}

static int l_workers(lua_State *L)
{
    lua_settop(L, 1);
    tk_hyperv_request(L);
    return tk_hyperv_look_up(L, w_workers, tk_hyperv_push_workers);
}

// text[0]: name or id; flags[0]: it must be there
static int w_find_vm(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    if (tk_hyperv_find_vm(&r->one, &r->found, r->h, r->text[0], limit, err) != 0) {
        return -1;
    }
    if (!r->found && r->flags[0]) {
        tk_fail(err, TK_HYPERV_VM_NOT_FOUND, "there is no virtual machine \"%s\" on this host",
                r->text[0]);
        return tk_fail_target(err, r->text[0]);
    }
    return 0;
}

static int find_vm(lua_State *L, bool needed)
{
    const char *wanted;
    request *r;

    lua_settop(L, 2);
    if (lua_istable(L, 2)) {
        lua_getfield(L, 2, "id");
        lua_replace(L, 2);
    }
    wanted = tk_hyperv_check_text(L, 2, "a name or a GUID is needed");
    r = tk_hyperv_request(L);
    r->text[0] = tk_strdup(wanted);
    r->flags[0] = needed;
    return tk_hyperv_look_up(L, w_find_vm, tk_hyperv_push_vm);
}

static int l_vm(lua_State *L)
{
    return find_vm(L, true);
}

static int l_find_vm(lua_State *L)
{
    return find_vm(L, false);
}

// Looks at one machine that take nothing else.
static int look_at_vm(lua_State *L, tk_work work, tk_push push)
{
    struct tk_vm_ref vm;

    lua_settop(L, 2);
    vm = tk_hyperv_check_vm(L, 2);
    tk_hyperv_request(L)->vm = vm;
    return tk_hyperv_look_up(L, work, push);
}

static int w_settings(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_settings(&r->settings, r->h, &r->vm, limit, err);
}

static int l_settings(lua_State *L)
{
    return look_at_vm(L, w_settings, tk_hyperv_push_settings);
}

static int w_disks(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_disks(&r->parts, r->h, &r->vm, limit, err);
}

static int l_disks(lua_State *L)
{
    return look_at_vm(L, w_disks, tk_hyperv_push_disks);
}

static int w_adapters(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_adapters(&r->parts, r->h, &r->vm, limit, err);
}

static int l_adapters(lua_State *L)
{
    return look_at_vm(L, w_adapters, tk_hyperv_push_adapters);
}

static int w_assigned(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_assigned(&r->assignments, r->h, &r->vm, limit, err);
}

static int l_assigned(lua_State *L)
{
    return look_at_vm(L, w_assigned, tk_hyperv_push_assignments);
}

static int w_assignments(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_assignments(&r->assignments, &r->devices, r->h, limit, err);
}

static int l_assignments(lua_State *L)
{
    lua_settop(L, 1);
    tk_hyperv_request(L);
    return tk_hyperv_look_up(L, w_assignments, tk_hyperv_push_all_assignments);
}

static int w_heartbeat(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_heartbeat(&r->word, r->h, &r->vm, limit, err);
}

static int l_heartbeat(lua_State *L)
{
    return look_at_vm(L, w_heartbeat, tk_hyperv_push_word);
}

static int w_guest_items(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_guest_items(&r->items, r->h, &r->vm, limit, err);
}

static int l_guest_items(lua_State *L)
{
    return look_at_vm(L, w_guest_items, tk_hyperv_push_items);
}

static int w_assignable(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_assignable(&r->devices, r->h, limit, err);
}

static int l_assignable_devices(lua_State *L)
{
    lua_settop(L, 1);
    tk_hyperv_request(L);
    return tk_hyperv_look_up(L, w_assignable, tk_hyperv_push_devices);
}

static int w_gpus(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_gpus(&r->gpus, r->h, limit, err);
}

static int l_partitionable_gpus(lua_State *L)
{
    lua_settop(L, 1);
    tk_hyperv_request(L);
    return tk_hyperv_look_up(L, w_gpus, tk_hyperv_push_gpus);
}

static int w_shares(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_shares(&r->shares, r->h, &r->vm, limit, err);
}

static int l_partitions(lua_State *L)
{
    return look_at_vm(L, w_shares, tk_hyperv_push_shares);
}

static int w_jobs(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_jobs(&r->jobs, r->h, limit, err);
}

static int l_jobs(lua_State *L)
{
    lua_settop(L, 1);
    tk_hyperv_request(L);
    return tk_hyperv_look_up(L, w_jobs, tk_hyperv_push_jobs);
}

static int w_definition(void *self, const struct tk_limit *limit, struct tk_failure *err)
{
    request *r = self;

    return tk_hyperv_definition(&r->one, r->h, r->text[0], limit, err);
}

static int l_definition(lua_State *L)
{
    const char *file;

    lua_settop(L, 2);
    file = tk_hyperv_check_text(L, 2, "the path of a .vmcx file is needed");
    tk_hyperv_request(L)->text[0] = tk_strdup(file);
    return tk_hyperv_look_up(L, w_definition, tk_hyperv_push_definition);
}

const luaL_Reg tk_hyperv_looks[] = {
    {"host", l_host},
    {"vms", l_vms},
    {"planned_vms", l_planned_vms},
    {"workers", l_workers},
    {"vm", l_vm},
    {"find_vm", l_find_vm},
    {"settings", l_settings},
    {"definition", l_definition},
    {"disks", l_disks},
    {"adapters", l_adapters},
    {"assigned", l_assigned},
    {"assignments", l_assignments},
    {"assignable_devices", l_assignable_devices},
    {"heartbeat", l_heartbeat},
    {"guest_items", l_guest_items},
    {"partitionable_gpus", l_partitionable_gpus},
    {"partitions", l_partitions},
    {"jobs", l_jobs},
    {NULL, NULL},
};
