// Moves devices: from the host to the list of assignable devices (dismount), from there to a
// virtual machine (assign), and back.
#include <string.h>

#include "hyperv_common.h"

// The list may lag behind a dismount by some seconds: looked at often at first, less often later.
#define LAG_MS          2500
#define FIRST_WAIT_MS   50
#define LONGEST_WAIT_MS 500

// Looks until the device is listed or lag_ms are over. *device stays NULL when it is not listed.
static int wait_for_device(struct tk_host_device_list *list, struct tk_host_device **device,
                           struct tk_hyperv *h, const char *location, int64_t lag_ms,
                           const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_limit lag = tk_limit_sooner(limit, lag_ms);
    int64_t wait_ms = FIRST_WAIT_MS;

    for (;;) {
        if (tk_hyperv_assignable(list, h, limit, err) != 0) {
            return -1;
        }
        *device = tk_host_device_at(list, location);
        if (*device || tk_limit_left_ms(&lag) == 0) {
            return 0;
        }
        tk_host_device_list_clear(list);
        tk_limit_sleep(&lag, wait_ms);
        if (tk_cancel_get() || tk_limit_left_ms(limit) == 0) {
            return tk_fail(err, tk_cancel_get() ? TK_CANCELLED : TK_DEADLINE,
                           "stopped waiting for %s in the list of assignable devices", location);
        }
        wait_ms = wait_ms * 2 > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait_ms * 2;
    }
}

// ---- host <-> assignable

int tk_hyperv_dismount(bool *changed, struct tk_hyperv *h, const char *instance,
                       const char *location, bool force, const struct tk_limit *limit,
                       struct tk_failure *err)
{
    struct tk_host_device_list devices = {0};
    struct tk_cim_object *in = NULL, *answer = NULL, *settings;
    int result = -1;

    *changed = false;
    if (tk_hyperv_assignable(&devices, h, limit, err) != 0) {
        goto done;
    }
    if (tk_host_device_at(&devices, location)) {
        result = 0;
        goto done;
    }
    settings = tk_cim_new("Msvm_AssignableDeviceDismountSettingData");
    if (instance) {
        tk_cim_set(settings, "DeviceInstancePath", TK_CIM_STRING, instance);
    }
    tk_cim_set(settings, "DeviceLocationPath", TK_CIM_STRING, location);
    tk_cim_set_bool(settings, "RequireAcsSupport", !force);
    tk_cim_set_bool(settings, "RequireDeviceMitigations", !force);
    in = tk_cim_new("");
    tk_cim_set_instance(in, "DismountSettingData", settings);
    // DismountedDeviceInstancePath may be empty although it worked
    result = tk_hyperv_run(&answer, h,
                           &(struct tk_hyperv_call){.service = TK_VMADS,
                                                    .method = "DismountAssignableDevice",
                                                    .in = in,
                                                    .target = location},
                           limit, err);
    *changed = result == 0;
done:
    tk_host_device_list_clear(&devices);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}

// A caller that knows the PCIP instance has seen the device dismounted, so the list must show it
// soon; otherwise a device that is not listed is with the host already.
int tk_hyperv_mount(bool *changed, struct tk_hyperv *h, const char *instance, const char *location,
                    const struct tk_limit *limit, struct tk_failure *err)
{
    bool seen = instance && strncmp(instance, "PCIP\\", 5) == 0;
    struct tk_host_device_list devices = {0};
    struct tk_host_device *device = NULL;
    struct tk_cim_object *in = NULL, *answer = NULL;
    int result = -1;

    *changed = false;
    if (wait_for_device(&devices, &device, h, location, seen ? LAG_MS : 0, limit, err) != 0) {
        goto done;
    }
    if (!device) {
        result = 0;
        goto done;
    }
    if (device->in_use) {
        tk_fail(err, TK_HYPERV_IN_USE, "a virtual machine has the device");
        tk_fail_hint(err, "remove the assignment first");
        tk_fail_target(err, location);
        goto done;
    }
    in = tk_cim_new("");
    tk_cim_set(in, "DeviceInstancePath", TK_CIM_STRING, device->instance ? device->instance : "");
    tk_cim_set(in, "DeviceLocationPath", TK_CIM_STRING, device->location);
    result = tk_hyperv_run(
        &answer, h,
        &(struct tk_hyperv_call){
            .service = TK_VMADS, .method = "MountAssignableDevice", .in = in, .target = location},
        limit, err);
    *changed = result == 0;
done:
    tk_host_device_list_clear(&devices);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}

// ---- assignable <-> virtual machine

static int find_assignment(bool *found, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                           const char *location, const char *id, const struct tk_limit *limit,
                           struct tk_failure *err)
{
    struct tk_assignment_list list = {0};
    int result = tk_hyperv_assigned(&list, h, vm, limit, err);

    *found = false;
    for (size_t i = 0; i < list.count; i++) {
        const struct tk_assignment *a = &list.items[i];

        if (id ? tk_same_text(a->id, id) : a->present && tk_same_text(a->location, location)) {
            *found = true;
        }
    }
    tk_assignment_list_clear(&list);
    return result;
}

// VirtualFunctions [0] is the physical function (that it is required is unverified).
static int add_device(struct tk_hyperv *h, const struct tk_vm_ref *vm, const char *device_path,
                      const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_object *setting;

    if (tk_hyperv_template(&setting, h, "Msvm_PciExpressSettingData", limit, err) != 0) {
        return -1;
    }
    tk_cim_set_array(setting, "HostResource", TK_CIM_STRING);
    tk_cim_add(setting, "HostResource", TK_CIM_STRING, device_path);
    tk_cim_set_array(setting, "VirtualFunctions", TK_CIM_UINT16);
    tk_cim_add(setting, "VirtualFunctions", TK_CIM_UINT16, "0");
    return tk_hyperv_add_setting(h, vm, setting, limit, err);
}

int tk_hyperv_assign(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                     const char *location, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_host_device_list devices = {0};
    struct tk_host_device *device = NULL;
    bool assigned = false;
    int result = -1;

    *changed = false;
    if (find_assignment(&assigned, h, vm, location, NULL, limit, err) != 0) {
        goto done;
    }
    if (assigned) {
        result = 0;
        goto done;
    }
    if (tk_hyperv_check_off(h, vm, limit, err) != 0 ||
        wait_for_device(&devices, &device, h, location, LAG_MS, limit, err) != 0) {
        goto done;
    }
    if (!device || !device->path) {
        tk_fail(err, TK_HYPERV_NOT_ASSIGNABLE, "%s is not in the list of assignable devices",
                location);
        tk_fail_hint(err, "disable its driver and dismount it first");
        tk_fail_target(err, location);
        goto done;
    }
    if (device->in_use) {
        tk_fail(err, TK_HYPERV_IN_USE, "another virtual machine has the device");
        tk_fail_target(err, location);
        goto done;
    }
    result = add_device(h, vm, device->path, limit, err);
    *changed = result == 0;
done:
    tk_host_device_list_clear(&devices);
    return result;
}

int tk_hyperv_unassign(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const char *assignment_id, const struct tk_limit *limit,
                       struct tk_failure *err)
{
    bool assigned = false;

    *changed = false;
    if (find_assignment(&assigned, h, vm, NULL, assignment_id, limit, err) != 0) {
        return -1;
    }
    return assigned ? tk_hyperv_remove_setting(changed, h, vm, "Msvm_PciExpressSettingData",
                                               assignment_id, limit, err)
                    : 0;
}
