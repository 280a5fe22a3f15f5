// What hyperv found, as Lua tables: see lua/meta/hyperv.lua for their fields.
#include "hyperv_lua.h"
#include "runtime/lua_util.h"

int tk_hyperv_push_nothing(lua_State *L, void *request)
{
    (void)L;
    (void)request;
    return 0;
}

int tk_hyperv_push_changed(lua_State *L, void *request)
{
    const struct tk_hyperv_request *r = request;

    lua_pushboolean(L, r->changed);
    return 1;
}

int tk_hyperv_push_word(lua_State *L, void *request)
{
    const struct tk_hyperv_request *r = request;

    lua_pushstring(L, r->word);
    return 1;
}

int tk_hyperv_push_host(lua_State *L, void *request)
{
    const struct tk_hyperv_request *r = request;

    lua_createtable(L, 0, 1);
    tk_set_string(L, "name", r->name);
    return 1;
}

static void push_vm(lua_State *L, const struct tk_vm *vm)
{
    lua_createtable(L, 0, 9);
    tk_set_string(L, "id", vm->id);
    tk_set_string(L, "name", vm->name);
    tk_set_string(L, "state", tk_vm_state_name(vm->state));
    tk_set_string(L, "health", vm->health);
    tk_set_string(L, "status", vm->status);
    tk_set_string(L, "activity", vm->activity);
    if (vm->uptime_ms >= 0) {
        lua_pushnumber(L, (lua_Number)vm->uptime_ms / 1000);
        lua_setfield(L, -2, "uptime");
    }
    tk_set_boolean(L, "planned", vm->planned);
    if (vm->process > 0) {
        tk_set_integer(L, "process", (lua_Integer)vm->process);
    }
}

int tk_hyperv_push_vm(lua_State *L, void *request)
{
    const struct tk_hyperv_request *r = request;

    if (r->found) {
        push_vm(L, &r->one);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

int tk_hyperv_push_vms(lua_State *L, void *request)
{
    const struct tk_hyperv_request *r = request;

    lua_createtable(L, (int)r->vms.count, 0);
    for (size_t i = 0; i < r->vms.count; i++) {
        push_vm(L, &r->vms.items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int tk_hyperv_push_workers(lua_State *L, void *request)
{
    const struct tk_worker_list *list = &((const struct tk_hyperv_request *)request)->workers;

    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        const struct tk_worker *worker = &list->items[i];

        lua_createtable(L, 0, 2);
        tk_set_integer(L, "process", (lua_Integer)worker->process);
        tk_set_string(L, "id", worker->id[0] ? worker->id : NULL);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int tk_hyperv_push_definition(lua_State *L, void *request)
{
    const struct tk_hyperv_request *r = request;

    lua_createtable(L, 0, 2);
    tk_set_string(L, "id", r->one.id);
    tk_set_string(L, "name", r->one.name);
    return 1;
}

static void set_size(lua_State *L, const char *name, uint64_t bytes)
{
    if (bytes > 0) {
        tk_push_size(L, bytes);
        lua_setfield(L, -2, name);
    }
}

int tk_hyperv_push_settings(lua_State *L, void *request)
{
    const struct tk_vm_settings *s = &((const struct tk_hyperv_request *)request)->settings;

    lua_createtable(L, 0, 14);
    tk_set_string(L, "stop_action", s->stop_action);
    tk_set_string(L, "start_action", s->start_action);
    tk_set_string(L, "recovery_action", s->recovery_action);
    tk_set_string(L, "checkpoints", s->checkpoints);
    if (s->knows_cache_types) {
        tk_set_boolean(L, "cache_types", s->cache_types);
    }
    set_size(L, "low_mmio", s->low_mmio_bytes);
    set_size(L, "high_mmio", s->high_mmio_bytes);
    tk_set_boolean(L, "saved_state", s->saved_state);
    tk_set_string(L, "root", s->root);
    tk_set_string(L, "file", s->file);
    tk_set_string(L, "snapshot_root", s->snapshot_root);
    tk_set_string(L, "version", s->version);
    if (s->generation > 0) {
        tk_set_integer(L, "generation", s->generation);
    }
    if (s->knows_dynamic_memory) {
        tk_set_boolean(L, "dynamic_memory", s->dynamic_memory);
    }
    return 1;
}

int tk_hyperv_push_disks(lua_State *L, void *request)
{
    const struct tk_vm_part_list *list = &((const struct tk_hyperv_request *)request)->parts;

    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        lua_createtable(L, 0, 3);
        tk_set_string(L, "id", list->items[i].id);
        tk_set_string(L, "path", list->items[i].path);
        tk_set_string(L, "kind", list->items[i].kind);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int tk_hyperv_push_adapters(lua_State *L, void *request)
{
    const struct tk_vm_part_list *list = &((const struct tk_hyperv_request *)request)->parts;

    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        lua_createtable(L, 0, 5);
        tk_set_string(L, "id", list->items[i].id);
        tk_set_string(L, "name", list->items[i].name);
        tk_set_string(L, "switch", list->items[i].switch_name);
        tk_set_boolean(L, "connected", list->items[i].connected);
        tk_set_boolean(L, "present", list->items[i].present);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int tk_hyperv_push_verdict(lua_State *L, void *request)
{
    const struct tk_vm_verdict *verdict = &((const struct tk_hyperv_request *)request)->verdict;

    lua_createtable(L, 0, 2);
    tk_set_boolean(L, "ok", verdict->ok);
    lua_createtable(L, (int)verdict->count, 0);
    for (size_t i = 0; i < verdict->count; i++) {
        lua_createtable(L, 0, 3);
        tk_set_string(L, "code", verdict->items[i].code);
        tk_set_string(L, "message", verdict->items[i].message);
        tk_set_string(L, "source", verdict->items[i].source);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "problems");
    return 1;
}

int tk_hyperv_push_items(lua_State *L, void *request)
{
    const struct tk_guest_items *items = &((const struct tk_hyperv_request *)request)->items;

    lua_createtable(L, 0, 2);
    lua_newtable(L);
    lua_setfield(L, -2, "intrinsic");
    lua_newtable(L);
    lua_setfield(L, -2, "own");
    for (size_t i = 0; i < items->count; i++) {
        lua_getfield(L, -1, items->items[i].intrinsic ? "intrinsic" : "own");
        tk_set_string(L, items->items[i].name, items->items[i].value);
        lua_pop(L, 1);
    }
    return 1;
}

static void set_ids(lua_State *L, const char *vendor, const char *device)
{
    tk_set_string(L, "vendor", vendor[0] ? vendor : NULL);
    tk_set_string(L, "device", device[0] ? device : NULL);
}

int tk_hyperv_push_devices(lua_State *L, void *request)
{
    const struct tk_host_device_list *list = &((const struct tk_hyperv_request *)request)->devices;

    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        const struct tk_host_device *d = &list->items[i];

        lua_createtable(L, 0, 5);
        tk_set_string(L, "location", d->location);
        tk_set_string(L, "instance", d->instance);
        set_ids(L, d->vendor, d->device);
        tk_set_boolean(L, "in_use", d->in_use);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static void push_assignment(lua_State *L, const struct tk_assignment *a)
{
    lua_createtable(L, 0, 6);
    tk_set_string(L, "id", a->id);
    tk_set_string(L, "location", a->location);
    tk_set_string(L, "instance", a->instance);
    set_ids(L, a->vendor, a->device);
    tk_set_boolean(L, "present", a->present);
}

int tk_hyperv_push_assignments(lua_State *L, void *request)
{
    const struct tk_assignment_list *list =
        &((const struct tk_hyperv_request *)request)->assignments;

    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        push_assignment(L, &list->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

// The entry of a machine in the table on top; leaves it on the stack.
static void push_entry(lua_State *L, const char *vm)
{
    if (lua_getfield(L, -1, vm) == LUA_TTABLE) {
        return;
    }
    lua_pop(L, 1);
    lua_createtable(L, 0, 2);
    tk_set_integer(L, "held", 0);
    lua_newtable(L);
    lua_setfield(L, -2, "assigned");
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, vm);
}

int tk_hyperv_push_all_assignments(lua_State *L, void *request)
{
    const struct tk_hyperv_request *r = request;

    lua_newtable(L);
    for (size_t i = 0; i < r->assignments.count; i++) {
        push_entry(L, r->assignments.items[i].vm);
        lua_getfield(L, -1, "assigned");
        push_assignment(L, &r->assignments.items[i]);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
        lua_pop(L, 2);
    }
    for (size_t i = 0; i < r->devices.count; i++) {
        if (r->devices.items[i].vm[0]) {
            push_entry(L, r->devices.items[i].vm);
            lua_getfield(L, -1, "held");
            lua_pushinteger(L, lua_tointeger(L, -1) + 1);
            lua_setfield(L, -3, "held");
            lua_pop(L, 2);
        }
    }
    return 1 + tk_hyperv_push_devices(L, request);
}

int tk_hyperv_push_jobs(lua_State *L, void *request)
{
    const struct tk_hyperv_job_list *list = &((const struct tk_hyperv_request *)request)->jobs;

    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        const struct tk_hyperv_job *job = &list->items[i];

        lua_createtable(L, 0, 7);
        tk_set_string(L, "id", job->id);
        tk_set_string(L, "name", job->name);
        tk_set_string(L, "state", job->state);
        tk_set_string(L, "vm", job->vm[0] ? job->vm : NULL);
        tk_set_integer(L, "percent", job->percent);
        if (job->type >= 0) {
            tk_set_integer(L, "type", job->type);
        }
        if (job->age >= 0) {
            tk_set_integer(L, "age", job->age);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

// Nothing for what was not told.
static void set_amount(lua_State *L, const char *name, uint64_t bytes)
{
    if (bytes <= INT64_MAX) {
        tk_push_size(L, bytes);
        lua_setfield(L, -2, name);
    }
}

int tk_hyperv_push_gpus(lua_State *L, void *request)
{
    const struct tk_gpu_list *list = &((const struct tk_hyperv_request *)request)->gpus;

    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        const struct tk_gpu *gpu = &list->items[i];

        lua_createtable(L, 0, 11);
        tk_set_string(L, "name", gpu->name);
        tk_set_string(L, "instance", gpu->instance);
        set_ids(L, gpu->vendor, gpu->device);
        tk_set_integer(L, "partitions", gpu->partitions);
        lua_createtable(L, (int)gpu->count_count, 0);
        for (size_t c = 0; c < gpu->count_count; c++) {
            lua_pushinteger(L, gpu->counts[c]);
            lua_rawseti(L, -2, (lua_Integer)c + 1);
        }
        lua_setfield(L, -2, "counts");
        set_amount(L, "total_vram", gpu->total);
        set_amount(L, "available_vram", gpu->available);
        set_amount(L, "min_vram", gpu->min);
        set_amount(L, "max_vram", gpu->max);
        set_amount(L, "optimal_vram", gpu->optimal);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int tk_hyperv_push_shares(lua_State *L, void *request)
{
    const struct tk_share_list *list = &((const struct tk_hyperv_request *)request)->shares;

    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        const struct tk_share *share = &list->items[i];

        lua_createtable(L, 0, 4);
        tk_set_string(L, "id", share->id);
        tk_set_string(L, "gpu", share->gpu);
        tk_set_boolean(L, "present", share->present);
        set_amount(L, "vram", share->vram);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}
