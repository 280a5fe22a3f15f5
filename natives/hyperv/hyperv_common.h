// What the files of hyperv share; for them only.
#ifndef TK_HYPERV_COMMON_H
#define TK_HYPERV_COMMON_H

#include "hyperv.h"

#define TK_VMMS  "Msvm_VirtualSystemManagementService"
#define TK_VMADS "Msvm_AssignableDeviceService"

// ---- hyperv.c

struct tk_wmi *tk_hyperv_wmi(const struct tk_hyperv *h);

// A query whose text is made as printf makes it. Values must be quoted by the caller.
int tk_hyperv_query(struct tk_cim_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                    struct tk_failure *err, const char *format, ...) TK_PRINTF(5, 6);

// Object path of the one instance of a service class. Belongs to the handle, which asks for it
// once.
int tk_hyperv_service(const char **path, struct tk_hyperv *h, const char *class_name,
                      const struct tk_limit *limit, struct tk_failure *err);

// WMI_EMPTY in these words; returns -1.
int tk_hyperv_empty(struct tk_failure *err, const char *format, ...) TK_PRINTF(2, 3);
// For lists that may be empty: WMI_EMPTY unless the host shows an instance that needs rights and
// the management service. `what`: of which there were none.
int tk_hyperv_check_sight(struct tk_hyperv *h, const char *what, const struct tk_limit *limit,
                          struct tk_failure *err);
// Whether the host, which calls itself `name`, is the one that is meant: else WMI_OTHER_HOST.
int tk_hyperv_check_host(struct tk_hyperv *h, const char *name, struct tk_failure *err);
// Whether it has said its name.
bool tk_hyperv_knows_host(struct tk_hyperv *h);
// The id of a registered machine that the last look for one did not find; "" for none. Where it is
// looked for again, the whole list is asked at once.
bool tk_hyperv_was_absent(struct tk_hyperv *h, const char *id);
void tk_hyperv_note_absent(struct tk_hyperv *h, const char *id);
// The host's root/cimv2, over the same connection. Belongs to the handle.
int tk_hyperv_windows(struct tk_wmi **out, struct tk_hyperv *h, struct tk_failure *err);

// A method of a service, followed to the end of its job. *out as in tk_wmi_run: always free it.
// `verb` decides how the failures are read (hyperv_errors.c); `target` goes into the failure.
struct tk_hyperv_call {
    const char *service; // class of the service, or NULL with `path`
    const char *path;
    const char *method;
    const struct tk_cim_object *in;
    const char *target;
};
int tk_hyperv_run(struct tk_cim_object **out, struct tk_hyperv *h,
                  const struct tk_hyperv_call *call, const struct tk_limit *limit,
                  struct tk_failure *err);

// Path of an object as its transport told it, else from its keys; NULL: neither. Caller frees.
char *tk_hyperv_path(const struct tk_cim_object *o);
// One key's value from an object path. Caller frees; NULL where it has no such key.
char *tk_hyperv_key(const char *path, const char *key);
bool tk_same_text(const char *a, const char *b); // ASCII letters without case; NULL equals nothing
bool tk_same_path(const char *a, const char *b); // also / for \ and a \ at the end

// ---- hyperv_errors.c

// Says in Hyper-V's terms what a method's failure means, where that is well known. Keeps message,
// hresult and whether it may have been executed.
void tk_hyperv_explain(struct tk_failure *err, const char *method, const char *target);
// Does the failure carry this HRESULT or error code, as number or in its text?
bool tk_hyperv_has(const struct tk_failure *err, uint32_t hresult);
bool tk_text_has(const char *text, const char *part); // ASCII letters without case

// ---- hyperv_vm.c

// The machine that is meant, with its state. HYPERV_VM_NOT_FOUND, unless `found` is given.
int tk_hyperv_look(struct tk_vm *out, bool *found, struct tk_hyperv *h, const struct tk_vm_ref *ref,
                   const struct tk_limit *limit, struct tk_failure *err);
// For looks that found nothing of a machine: 0 when there is such a machine.
int tk_hyperv_check_exists(struct tk_hyperv *h, const struct tk_vm_ref *ref,
                           const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_not_found(struct tk_failure *err, const struct tk_vm_ref *ref);
int tk_hyperv_wrong_state(struct tk_failure *err, const struct tk_vm *vm, const char *wanted);
// Path of the machine's object. Caller frees.
char *tk_hyperv_vm_path(const struct tk_vm *vm);
// Path of its settings. Caller frees.
char *tk_hyperv_settings_path(const char *id);

// ---- hyperv_resource.c

// HYPERV_STATE unless the machine, registered or planned, is off: then only its devices change.
int tk_hyperv_check_off(struct tk_hyperv *h, const struct tk_vm_ref *vm,
                        const struct tk_limit *limit, struct tk_failure *err);
// Hyper-V's own template for a kind of setting, to be filled. HYPERV_NOT_ASSIGNABLE where the host
// has none. Caller frees.
int tk_hyperv_template(struct tk_cim_object **out, struct tk_hyperv *h, const char *class_name,
                       const struct tk_limit *limit, struct tk_failure *err);
// AddResourceSettings. Takes the setting.
int tk_hyperv_add_setting(struct tk_hyperv *h, const struct tk_vm_ref *vm,
                          struct tk_cim_object *setting, const struct tk_limit *limit,
                          struct tk_failure *err);
// RemoveResourceSettings, of a machine that is off. *changed is false when it is gone meanwhile.
int tk_hyperv_remove_setting(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                             const char *class_name, const char *id, const struct tk_limit *limit,
                             struct tk_failure *err);

// ---- hyperv_device.c

// \\HOST\root\virtualization\v2:Class.... as HostResource wants it. Caller frees.
char *tk_hyperv_full_path(const struct tk_cim_object *o);

// The entry of that location, NULL when there is none.
struct tk_host_device *tk_host_device_at(const struct tk_host_device_list *list,
                                         const char *location);

#endif
