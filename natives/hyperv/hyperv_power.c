// Power of a virtual machine, and what its guest lets us know.
#include <string.h>

#include "hyperv_common.h"

// RequestedState of RequestStateChange
#define START 2
#define OFF   3

#define MAX_GUEST_ITEM_BYTES (64u * 1024)

// RequestStateChange. TimeoutPeriod is not used by Hyper-V.
static int request(struct tk_hyperv *h, const struct tk_vm *vm, unsigned state,
                   const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_object *in = tk_cim_new(""), *answer = NULL;
    char *path = tk_hyperv_vm_path(vm);
    int result;

    tk_cim_set_uint(in, "RequestedState", TK_CIM_UINT16, state);
    result =
        tk_hyperv_run(&answer, h,
                      &(struct tk_hyperv_call){
                          .path = path, .method = "RequestStateChange", .in = in, .target = vm->id},
                      limit, err);
    tk_free(path);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}

static struct tk_vm_ref registered(const struct tk_vm_ref *vm)
{
    struct tk_vm_ref ref = *vm;

    ref.kind = TK_VM_REGISTERED;
    return ref;
}

// One that is on its way to running already is left to go on.
int tk_hyperv_start(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                    const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm_ref ref = registered(vm);
    struct tk_vm there = {0};
    int result = tk_hyperv_look(&there, NULL, h, &ref, limit, err);

    *changed = false;
    if (result == 0 && there.state != TK_VM_RUNNING && there.state != TK_VM_STARTING &&
        there.state != TK_VM_RESUMING) {
        result = request(h, &there, START, limit, err);
        *changed = result == 0;
    }
    tk_vm_clear(&there);
    return result;
}

// Also of a saved one, which loses its saved state: off is what is asked for.
int tk_hyperv_turn_off(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm_ref ref = registered(vm);
    struct tk_vm there = {0};
    int result = tk_hyperv_look(&there, NULL, h, &ref, limit, err);

    *changed = false;
    if (result == 0 && there.state != TK_VM_OFF) {
        result = request(h, &there, OFF, limit, err);
        *changed = result == 0;
    }
    tk_vm_clear(&there);
    return result;
}

// "The configuration names a saved state", which counts even where its file is gone and the machine
// says that it is off.
static int names_saved_state(bool *saved, struct tk_hyperv *h, const struct tk_vm *vm,
                             const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm_ref ref = {.kind = vm->planned ? TK_VM_PLANNED : TK_VM_REGISTERED};
    struct tk_vm_settings settings;

    *saved = vm->state == TK_VM_SAVED;
    if (*saved || vm->state != TK_VM_OFF) {
        return 0;
    }
    memcpy(ref.id, vm->id, sizeof ref.id);
    if (tk_hyperv_settings(&settings, h, &ref, limit, err) != 0) {
        return -1;
    }
    *saved = settings.saved_state;
    tk_vm_settings_clear(&settings);
    return 0;
}

// That a planned machine takes the same request as a registered one is unverified.
int tk_hyperv_clear_saved_state(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                                const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm there = {0};
    bool saved = false;
    int result = tk_hyperv_look(&there, NULL, h, vm, limit, err);

    *changed = false;
    if (result == 0) {
        result = names_saved_state(&saved, h, &there, limit, err);
    }
    if (result == 0 && saved) {
        result = request(h, &there, OFF, limit, err);
        *changed = result == 0;
    }
    tk_vm_clear(&there);
    return result;
}

// ---- integration services

// The component of a machine's guest, NULL when it is not there (off, or without the service).
static int component(struct tk_cim_list *list, struct tk_hyperv *h, const char *class_name,
                     const struct tk_vm_ref *vm, const struct tk_limit *limit,
                     struct tk_failure *err)
{
    if (tk_hyperv_query(list, h, limit, err, "SELECT * FROM %s WHERE SystemName='%s'", class_name,
                        vm->id) != 0) {
        return -1;
    }
    return list->count > 0 ? 0 : tk_hyperv_check_exists(h, vm, limit, err);
}

static int initiate_shutdown(struct tk_hyperv *h, const char *path, const char *id, bool force,
                             const char *reason, const struct tk_limit *limit,
                             struct tk_failure *err)
{
    struct tk_cim_object *in = tk_cim_new(""), *answer = NULL;
    int result;

    tk_cim_set_bool(in, "Force", force);
    tk_cim_set(in, "Reason", TK_CIM_STRING, reason);
    result = tk_hyperv_run(&answer, h,
                           &(struct tk_hyperv_call){
                               .path = path, .method = "InitiateShutdown", .in = in, .target = id},
                           limit, err);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}

int tk_hyperv_shutdown(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm, bool force,
                       const char *reason, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm_ref ref = registered(vm);
    struct tk_cim_list list = {0};
    struct tk_vm there = {0};
    char *path = NULL;
    int result = -1;

    *changed = false;
    if (tk_hyperv_look(&there, NULL, h, &ref, limit, err) != 0) {
        goto done;
    }
    if (there.state == TK_VM_OFF || there.state == TK_VM_STOPPING) {
        result = 0;
        goto done;
    }
    if (there.state != TK_VM_RUNNING) {
        tk_hyperv_wrong_state(err, &there, "only a running guest can shut down");
        goto done;
    }
    if (component(&list, h, "Msvm_ShutdownComponent", &ref, limit, err) != 0) {
        goto done;
    }
    path = list.count > 0 ? tk_hyperv_path(list.items[0]) : NULL;
    if (!path) {
        tk_fail(err, TK_HYPERV_GUEST, "the guest of %s offers no shutdown service", there.name);
        tk_fail_hint(err, "the guest has not started yet, or its integration services are off");
        tk_fail_target(err, there.id);
        goto done;
    }
    result = initiate_shutdown(h, path, there.id, force, reason, limit, err);
    *changed = result == 0;
done:
    tk_free(path);
    tk_cim_list_free(&list);
    tk_vm_clear(&there);
    return result;
}

// Msvm_HeartbeatComponent.OperationalStatus[0]
static const char *heartbeat_word(uint64_t status)
{
    switch (status) {
    case 2:
        return "ok";
    case 3:
        return "degraded"; // another version of the protocol
    case 12:
        return "no contact";
    case 13:
        return "lost";
    case 15:
        return "paused";
    default:
        return "error";
    }
}

int tk_hyperv_heartbeat(const char **word, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                        const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    uint64_t status;
    int result = component(&list, h, "Msvm_HeartbeatComponent", vm, limit, err);

    *word = "none";
    if (result == 0 && list.count > 0 && tk_cim_uint(list.items[0], "OperationalStatus", &status)) {
        *word = heartbeat_word(status);
    }
    tk_cim_list_free(&list);
    return result;
}

// ---- key-value items of the guest

void tk_guest_items_clear(struct tk_guest_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        tk_free(items->items[i].name);
        tk_free(items->items[i].value);
    }
    tk_free(items->items);
    memset(items, 0, sizeof *items);
}

// What the guest wrote is not trusted: an item that cannot be read is left out.
static void read_items(struct tk_guest_items *out, const struct tk_cim_object *o, const char *name,
                       bool intrinsic)
{
    size_t count = tk_cim_count(o, name);

    out->items = tk_realloc(out->items, (out->count + count + 1) * sizeof *out->items);
    for (size_t i = 0; i < count; i++) {
        const char *xml = tk_cim_text_at(o, name, i);
        struct tk_cim_object *item = NULL;
        struct tk_failure ignored;

        if (xml && strlen(xml) <= MAX_GUEST_ITEM_BYTES &&
            tk_cim_from_xml(&item, xml, strlen(xml), &ignored) == 0 && tk_cim_text(item, "Name")) {
            const char *value = tk_cim_text(item, "Data");

            out->items[out->count++] = (struct tk_guest_item){
                .name = tk_strdup(tk_cim_text(item, "Name")),
                .value = tk_strdup(value ? value : ""),
                .intrinsic = intrinsic,
            };
        }
        tk_cim_free(item);
    }
}

int tk_hyperv_guest_items(struct tk_guest_items *out, struct tk_hyperv *h,
                          const struct tk_vm_ref *vm, const struct tk_limit *limit,
                          struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    int result;

    memset(out, 0, sizeof *out);
    result = component(&list, h, "Msvm_KvpExchangeComponent", vm, limit, err);
    if (result == 0 && list.count > 0) {
        read_items(out, list.items[0], "GuestIntrinsicExchangeItems", true);
        read_items(out, list.items[0], "GuestExchangeItems", false);
    }
    tk_cim_list_free(&list);
    return result;
}
