// Disks and network adapters of a virtual machine: what an import on another node has to mend.
#include <string.h>

#include "hyperv_common.h"

#define DISK      "Microsoft:Hyper-V:Virtual Hard Disk"
#define ISO       "Microsoft:Hyper-V:Virtual CD/DVD Disk"
#define CONNECTED 2 // EnabledState
#define SEPARATE  3

void tk_vm_part_list_clear(struct tk_vm_part_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tk_free(list->items[i].id);
        tk_free(list->items[i].path);
        tk_free(list->items[i].name);
        tk_free(list->items[i].switch_name);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

// All settings of one class that belong to the machine. Ids of its parts begin with its own.
static int get_parts(struct tk_cim_list *list, struct tk_hyperv *h, const char *class_name,
                     const struct tk_vm_ref *vm, const struct tk_limit *limit,
                     struct tk_failure *err)
{
    if (tk_hyperv_query(list, h, limit, err,
                        "SELECT * FROM %s WHERE InstanceID LIKE 'Microsoft:%s%%'", class_name,
                        vm->id) != 0) {
        return -1;
    }
    return list->count > 0 ? 0 : tk_hyperv_check_exists(h, vm, limit, err);
}

static struct tk_vm_part *add_part(struct tk_vm_part_list *out, const struct tk_cim_object *o)
{
    struct tk_vm_part *part = &out->items[out->count++];

    part->id = tk_strdup(tk_cim_text(o, "InstanceID"));
    return part;
}

static struct tk_vm_part_list room_for(const struct tk_cim_list *objects)
{
    struct tk_vm_part_list list = {0};

    list.items = tk_alloc((objects->count + 1) * sizeof *list.items);
    return list;
}

static const struct tk_vm_part *part_of(const struct tk_vm_part_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (tk_same_text(list->items[i].id, id)) {
            return &list->items[i];
        }
    }
    return NULL;
}

static int no_part(struct tk_failure *err, const char *what, const char *id)
{
    tk_fail(err, TK_WMI_NOT_FOUND, "the virtual machine has no %s %s", what, id);
    return tk_fail_target(err, id);
}

// ModifyResourceSettings with one instance, which it takes. Only the id and what changes is sent,
// as for the machine's own settings (unverified for disks and adapters; known of memory).
static int modify(struct tk_hyperv *h, const struct tk_vm_ref *vm, struct tk_cim_object *settings,
                  const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_object *in = tk_cim_new(""), *out = NULL;
    int result;

    tk_cim_add_instance(in, "ResourceSettings", settings);
    result = tk_hyperv_run(
        &out, h,
        &(struct tk_hyperv_call){
            .service = TK_VMMS, .method = "ModifyResourceSettings", .in = in, .target = vm->id},
        limit, err);
    tk_cim_free(in);
    tk_cim_free(out);
    return result;
}

// ---- disks

int tk_hyperv_disks(struct tk_vm_part_list *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                    const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list objects = {0};
    int result;

    memset(out, 0, sizeof *out);
    result = get_parts(&objects, h, "Msvm_StorageAllocationSettingData", vm, limit, err);
    if (result == 0) {
        *out = room_for(&objects);
        for (size_t i = 0; i < objects.count; i++) {
            const char *type = tk_cim_text(objects.items[i], "ResourceSubType");
            const char *path = tk_cim_text(objects.items[i], "HostResource");

            if (path && (tk_same_text(type, DISK) || tk_same_text(type, ISO))) {
                struct tk_vm_part *part = add_part(out, objects.items[i]);

                part->path = tk_strdup(path);
                part->kind = tk_same_text(type, ISO) ? "iso" : "disk";
            }
        }
    }
    tk_cim_list_free(&objects);
    return result;
}

int tk_hyperv_relink_disk(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                          const char *disk_id, const char *path, const struct tk_limit *limit,
                          struct tk_failure *err)
{
    struct tk_vm_part_list disks = {0};
    const struct tk_vm_part *disk;
    struct tk_cim_object *settings;
    int result = -1;

    *changed = false;
    if (tk_hyperv_disks(&disks, h, vm, limit, err) != 0) {
        goto done;
    }
    disk = part_of(&disks, disk_id);
    if (!disk) {
        no_part(err, "disk", disk_id);
        goto done;
    }
    if (tk_same_path(disk->path, path)) {
        result = 0;
        goto done;
    }
    settings = tk_cim_new("Msvm_StorageAllocationSettingData");
    tk_cim_set(settings, "InstanceID", TK_CIM_STRING, disk->id);
    tk_cim_add(settings, "HostResource", TK_CIM_STRING, path);
    result = modify(h, vm, settings, limit, err);
    *changed = result == 0;
done:
    tk_vm_part_list_clear(&disks);
    return result;
}

// ---- network adapters

// The switch that a connection names by its path; NULL when this host does not have it.
static const struct tk_cim_object *switch_of(const struct tk_cim_list *switches, const char *path)
{
    char *name = tk_hyperv_key(path, "Name");
    const struct tk_cim_object *found = NULL;

    for (size_t i = 0; i < switches->count && name; i++) {
        if (tk_same_text(tk_cim_text(switches->items[i], "Name"), name)) {
            found = switches->items[i];
        }
    }
    tk_free(name);
    return found;
}

static void read_adapter(struct tk_vm_part *part, const struct tk_cim_object *o,
                         const struct tk_cim_list *switches)
{
    const char *path = tk_cim_text(o, "HostResource");
    const struct tk_cim_object *its = switch_of(switches, path);

    part->name = tk_strdup(tk_cim_text(o, "ElementName"));
    part->connected = path && *path && tk_cim_uint_or(o, "EnabledState", CONNECTED) == CONNECTED;
    part->present = its != NULL;
    // an instance of the switch that is not here still tells the name that it had
    part->switch_name =
        tk_strdup(its ? tk_cim_text(its, "ElementName") : tk_cim_text(o, "LastKnownSwitchName"));
}

int tk_hyperv_adapters(struct tk_vm_part_list *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list objects = {0}, switches = {0};
    int result = -1;

    memset(out, 0, sizeof *out);
    if (get_parts(&objects, h, "Msvm_EthernetPortAllocationSettingData", vm, limit, err) != 0) {
        goto done;
    }
    if (objects.count > 0 && tk_hyperv_query(&switches, h, limit, err,
                                             "SELECT * FROM Msvm_VirtualEthernetSwitch") != 0) {
        goto done;
    }
    *out = room_for(&objects);
    for (size_t i = 0; i < objects.count; i++) {
        read_adapter(add_part(out, objects.items[i]), objects.items[i], &switches);
    }
    result = 0;
done:
    tk_cim_list_free(&objects);
    tk_cim_list_free(&switches);
    return result;
}

int tk_hyperv_disconnect_adapter(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                                 const char *adapter_id, const struct tk_limit *limit,
                                 struct tk_failure *err)
{
    struct tk_vm_part_list adapters = {0};
    const struct tk_vm_part *adapter;
    struct tk_cim_object *settings;
    int result = -1;

    *changed = false;
    if (tk_hyperv_adapters(&adapters, h, vm, limit, err) != 0) {
        goto done;
    }
    adapter = part_of(&adapters, adapter_id);
    if (!adapter) {
        no_part(err, "network adapter", adapter_id);
        goto done;
    }
    if (!adapter->connected) {
        result = 0;
        goto done;
    }
    settings = tk_cim_new("Msvm_EthernetPortAllocationSettingData");
    tk_cim_set(settings, "InstanceID", TK_CIM_STRING, adapter->id);
    tk_cim_set_uint(settings, "EnabledState", TK_CIM_UINT16, SEPARATE);
    tk_cim_set_array(settings, "HostResource", TK_CIM_STRING);
    result = modify(h, vm, settings, limit, err);
    *changed = result == 0;
done:
    tk_vm_part_list_clear(&adapters);
    return result;
}
