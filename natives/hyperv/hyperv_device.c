// Devices for assignment (Discrete Device Assignment): from the host to a virtual machine and back.
// A dismounted device is an Msvm_PciExpress of the host; while a machine has it there is a second
// one with the same location. The location path is the key: instance ids differ between slots.
#include <string.h>

#include "hyperv_common.h"
#include "pnp/pnp.h"

#define NAMESPACE "root\\virtualization\\v2"

void tk_host_device_list_clear(struct tk_host_device_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tk_free(list->items[i].location);
        tk_free(list->items[i].instance);
        tk_free(list->items[i].path);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

void tk_assignment_list_clear(struct tk_assignment_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tk_free(list->items[i].id);
        tk_free(list->items[i].location);
        tk_free(list->items[i].instance);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

// ---- looking

// The machine whose record it is; false where it is the host's own.
static bool is_vm_record(const struct tk_cim_object *o, char id[TK_GUID_SIZE])
{
    const char *system = tk_cim_text(o, "SystemName");

    return system && tk_guid_parse(system, id);
}

char *tk_hyperv_full_path(const struct tk_cim_object *o)
{
    char *path = tk_hyperv_path(o), *full;
    const char *host = tk_cim_text(o, "SystemName");

    if (!path || strncmp(path, "\\\\", 2) == 0) {
        return path;
    }
    full = tk_sprintf("\\\\%s\\%s:%s", host ? host : ".", NAMESPACE, path);
    tk_free(path);
    return full;
}

struct tk_host_device *tk_host_device_at(const struct tk_host_device_list *list,
                                         const char *location)
{
    for (size_t i = 0; i < list->count; i++) {
        if (tk_same_text(list->items[i].location, location)) {
            return &list->items[i];
        }
    }
    return NULL;
}

// One entry for each location: two records of it mean that a machine has the device.
static void take_device(struct tk_host_device_list *out, const struct tk_cim_object *o)
{
    const char *location = tk_cim_text(o, "LocationPath");
    const char *instance = tk_cim_text(o, "DeviceInstancePath");
    char vm[TK_GUID_SIZE] = "";
    bool of_vm = is_vm_record(o, vm);
    struct tk_host_device *d;

    if (!location) {
        return;
    }
    d = tk_host_device_at(out, location);
    if (d) {
        d->in_use = true;
        if (of_vm) {
            memcpy(d->vm, vm, sizeof vm);
            return;
        }
        tk_free(d->instance);
        tk_free(d->path);
    } else {
        d = &out->items[out->count++];
        d->location = tk_strdup(location);
        d->in_use = of_vm;
        memcpy(d->vm, of_vm ? vm : "", of_vm ? sizeof vm : 1);
    }
    d->instance = tk_strdup(instance);
    d->path = tk_hyperv_full_path(o);
    tk_pci_ids(instance, d->vendor, d->device);
}

static int get_devices(struct tk_cim_list *objects, struct tk_hyperv *h,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    return tk_hyperv_query(objects, h, limit, err, "SELECT * FROM Msvm_PciExpress");
}

static void take_devices(struct tk_host_device_list *out, const struct tk_cim_list *objects)
{
    out->items = tk_alloc((objects->count + 1) * sizeof *out->items);
    for (size_t i = 0; i < objects->count; i++) {
        take_device(out, objects->items[i]);
    }
}

int tk_hyperv_assignable(struct tk_host_device_list *out, struct tk_hyperv *h,
                         const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list objects = {0};
    int result = get_devices(&objects, h, limit, err);

    memset(out, 0, sizeof *out);
    if (result == 0) {
        take_devices(out, &objects);
    }
    tk_cim_list_free(&objects);
    return result;
}

// The record that a setting names. Its path is compared, so that a setting which was made on
// another node, of a device that is there, does not pass for one of ours.
static const struct tk_cim_object *named_device(const struct tk_cim_list *devices, const char *path)
{
    for (size_t i = 0; i < devices->count && path; i++) {
        char *own = tk_hyperv_full_path(devices->items[i]);
        bool same = own && tk_cim_path_same(own, path);

        tk_free(own);
        if (same) {
            return devices->items[i];
        }
    }
    return NULL;
}

// DeviceID "Microsoft:<guid>\PCIP\VEN_..." -> "PCIP\VEN_..."; what is left of a device that is
// gone.
static char *instance_of_path(const char *path)
{
    char *id = tk_hyperv_key(path, "DeviceID");
    const char *rest = id ? strchr(id, '\\') : NULL;
    char *instance = rest ? tk_strdup(rest + 1) : NULL;

    tk_free(id);
    return instance;
}

static void take_assignment(struct tk_assignment_list *out, const struct tk_cim_object *o,
                            const struct tk_cim_list *devices)
{
    const char *path = tk_cim_text(o, "HostResource"), *id = tk_cim_text(o, "InstanceID");
    const struct tk_cim_object *device = named_device(devices, path);
    struct tk_assignment *a;

    if (!id) {
        return;
    }
    a = &out->items[out->count++];
    a->id = tk_strdup(id);
    a->present = device != NULL;
    if (device) {
        a->location = tk_strdup(tk_cim_text(device, "LocationPath"));
        a->instance = tk_strdup(tk_cim_text(device, "DeviceInstancePath"));
    } else if (path) {
        a->instance = instance_of_path(path);
    }
    tk_pci_ids(a->instance, a->vendor, a->device);
}

// Records by which the machine itself has devices of the host.
static size_t held_by(const struct tk_vm_ref *vm, const struct tk_cim_list *devices)
{
    size_t count = 0;

    for (size_t i = 0; i < devices->count; i++) {
        count += tk_same_text(tk_cim_text(devices->items[i], "SystemName"), vm->id) ? 1 : 0;
    }
    return count;
}

// WMI_EMPTY where a machine that is on has more devices than its settings name: those are not all.
// Of one that is off the host's records may lag behind.
static int check_whole(size_t named, const struct tk_cim_list *devices, struct tk_hyperv *h,
                       const struct tk_vm_ref *vm, const struct tk_limit *limit,
                       struct tk_failure *err)
{
    size_t held = held_by(vm, devices);
    struct tk_vm there = {0};
    int result = 0;

    if (held > named) {
        result = tk_hyperv_look(&there, NULL, h, vm, limit, err);
        if (result == 0 && tk_vm_is_on(&there)) {
            tk_hyperv_empty(err, "the settings of %.100s name %zu devices, but it has %zu",
                            there.name, named, held);
            result = tk_fail_target(err, vm->id);
        }
    }
    tk_vm_clear(&there);
    return result;
}

// The devices of the host; of a machine without settings of devices they are asked for only where
// it is on, because then it could be using some all the same.
static int devices_for(struct tk_cim_list *devices, size_t named, struct tk_hyperv *h,
                       const struct tk_vm_ref *vm, const struct tk_limit *limit,
                       struct tk_failure *err)
{
    struct tk_vm there = {0};
    bool needed = named > 0;
    int result = 0;

    if (!needed) {
        result = tk_hyperv_look(&there, NULL, h, vm, limit, err);
        needed = result == 0 && tk_vm_is_on(&there);
        tk_vm_clear(&there);
    }
    return needed ? get_devices(devices, h, limit, err) : result;
}

int tk_hyperv_assigned(struct tk_assignment_list *out, struct tk_hyperv *h,
                       const struct tk_vm_ref *vm, const struct tk_limit *limit,
                       struct tk_failure *err)
{
    struct tk_cim_list settings = {0}, devices = {0};
    int result = -1;

    memset(out, 0, sizeof *out);
    if (tk_hyperv_query(&settings, h, limit, err,
                        "SELECT * FROM Msvm_PciExpressSettingData WHERE InstanceID LIKE "
                        "'Microsoft:%s%%'",
                        vm->id) != 0 ||
        devices_for(&devices, settings.count, h, vm, limit, err) != 0 ||
        check_whole(settings.count, &devices, h, vm, limit, err) != 0) {
        goto done;
    }
    out->items = tk_alloc((settings.count + 1) * sizeof *out->items);
    for (size_t i = 0; i < settings.count; i++) {
        take_assignment(out, settings.items[i], &devices);
    }
    result = 0;
done:
    tk_cim_list_free(&settings);
    tk_cim_list_free(&devices);
    return result;
}

// "Microsoft:GUID\\...": whose setting it is. False for the host's templates.
static bool owner_of(const struct tk_cim_object *setting, char vm[TK_GUID_SIZE])
{
    static const char before[] = "Microsoft:";
    const char *id = tk_cim_text(setting, "InstanceID");
    char guid[TK_GUID_SIZE];

    if (!id || strncmp(id, before, sizeof before - 1) != 0 ||
        strlen(id) < sizeof before - 1 + TK_GUID_SIZE - 1) {
        return false;
    }
    memcpy(guid, id + sizeof before - 1, TK_GUID_SIZE - 1);
    guid[TK_GUID_SIZE - 1] = '\0';
    return tk_guid_parse(guid, vm);
}

int tk_hyperv_assignments(struct tk_assignment_list *out, struct tk_host_device_list *devices,
                          struct tk_hyperv *h, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list settings = {0}, objects = {0};
    int result = -1;

    memset(out, 0, sizeof *out);
    memset(devices, 0, sizeof *devices);
    if (tk_hyperv_query(&settings, h, limit, err, "SELECT * FROM Msvm_PciExpressSettingData") !=
            0 ||
        get_devices(&objects, h, limit, err) != 0) {
        goto done;
    }
    out->items = tk_alloc((settings.count + 1) * sizeof *out->items);
    for (size_t i = 0; i < settings.count; i++) {
        char vm[TK_GUID_SIZE];
        size_t before = out->count;

        if (owner_of(settings.items[i], vm)) {
            take_assignment(out, settings.items[i], &objects);
        }
        if (out->count > before) {
            memcpy(out->items[before].vm, vm, sizeof vm);
        }
    }
    take_devices(devices, &objects);
    result = 0;
done:
    tk_cim_list_free(&settings);
    tk_cim_list_free(&objects);
    return result;
}
