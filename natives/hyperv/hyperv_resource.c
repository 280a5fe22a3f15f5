// A setting comes to a machine and goes: what devices and shares of GPUs have in common.
#include <string.h>

#include "hyperv_common.h"

int tk_hyperv_check_off(struct tk_hyperv *h, const struct tk_vm_ref *vm,
                        const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm there = {0};
    int result = tk_hyperv_look(&there, NULL, h, vm, limit, err);

    if (result == 0 && there.state != TK_VM_OFF) {
        result = tk_hyperv_wrong_state(err, &there, "its devices change only while it is off");
    }
    tk_vm_clear(&there);
    return result;
}

// Without properties that we do not know: WS-Management tells no types, and a newer Windows refuses
// a number that comes as text. What is left out keeps the host's default.
static struct tk_cim_object *copy_setting(const struct tk_cim_object *from, const char *class_name)
{
    struct tk_cim_object *setting = tk_cim_new(class_name);

    for (size_t i = 0; i < from->count; i++) {
        const struct tk_cim_property *p = &from->properties[i];
        bool is_array;

        if (tk_cim_known_type(class_name, p->name, &is_array) == TK_CIM_UNKNOWN) {
            continue;
        }
        for (size_t v = 0; v < p->count && p->type != TK_CIM_INSTANCE; v++) {
            if (p->is_array) {
                tk_cim_add(setting, p->name, p->type, p->values[v].text);
            } else {
                tk_cim_set(setting, p->name, p->type, p->values[v].text);
            }
        }
    }
    return setting;
}

int tk_hyperv_template(struct tk_cim_object **out, struct tk_hyperv *h, const char *class_name,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    int result = tk_hyperv_query(
        &list, h, limit, err, "SELECT * FROM %s WHERE InstanceID LIKE '%%\\\\Default'", class_name);

    *out = NULL;
    if (result == 0 && list.count == 0) {
        tk_fail(err, TK_HYPERV_NOT_ASSIGNABLE, "this host has no template of %s", class_name);
        tk_fail_hint(err, "device assignment needs Windows Server 2016 or later, shares of a GPU "
                          "what the documentation of its driver names");
        result = -1;
    } else if (result == 0) {
        *out = copy_setting(list.items[0], class_name);
    }
    tk_cim_list_free(&list);
    return result;
}

int tk_hyperv_add_setting(struct tk_hyperv *h, const struct tk_vm_ref *vm,
                          struct tk_cim_object *setting, const struct tk_limit *limit,
                          struct tk_failure *err)
{
    struct tk_cim_object *in = tk_cim_new(""), *answer = NULL;
    char *path = tk_hyperv_settings_path(vm->id);
    int result;

    tk_cim_set(in, "AffectedConfiguration", TK_CIM_REFERENCE, path);
    tk_cim_add_instance(in, "ResourceSettings", setting);
    result = tk_hyperv_run(
        &answer, h,
        &(struct tk_hyperv_call){
            .service = TK_VMMS, .method = "AddResourceSettings", .in = in, .target = vm->id},
        limit, err);
    tk_free(path);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}

int tk_hyperv_remove_setting(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                             const char *class_name, const char *id, const struct tk_limit *limit,
                             struct tk_failure *err)
{
    struct tk_cim_object *in, *answer = NULL, *key;
    char *path;
    int result;

    *changed = false;
    if (tk_hyperv_check_off(h, vm, limit, err) != 0) {
        return -1;
    }
    key = tk_cim_new(class_name);
    tk_cim_set(key, "InstanceID", TK_CIM_STRING, id);
    path = tk_cim_path_of(key);
    in = tk_cim_new("");
    tk_cim_add(in, "ResourceSettings", TK_CIM_REFERENCE, path);
    result = tk_hyperv_run(
        &answer, h,
        &(struct tk_hyperv_call){
            .service = TK_VMMS, .method = "RemoveResourceSettings", .in = in, .target = vm->id},
        limit, err);
    *changed = result == 0;
    if (result != 0 && tk_hyperv_has(err, 0x80041002U)) { // gone since we looked
        result = 0;
    }
    tk_free(path);
    tk_cim_free(key);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}
