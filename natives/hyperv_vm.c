// Looking at virtual machines. They are keyed by GUID, because names are not unique; the host is
// one of Hyper-V's systems too, and is recognised by a name that is no GUID (its captions are
// translated on hosts of other languages).
#include <string.h>

#include "hyperv_common.h"

#define CRITICAL_FROM 32781 // what follows was numbered anew between Windows versions

static const char *const state_names[] = {
    [TK_VM_UNKNOWN] = "unknown",   [TK_VM_RUNNING] = "running",   [TK_VM_OFF] = "off",
    [TK_VM_SAVED] = "saved",       [TK_VM_PAUSED] = "paused",     [TK_VM_STARTING] = "starting",
    [TK_VM_STOPPING] = "stopping", [TK_VM_SAVING] = "saving",     [TK_VM_PAUSING] = "pausing",
    [TK_VM_RESUMING] = "resuming", [TK_VM_CRITICAL] = "critical",
};

struct word {
    uint64_t number;
    const char *word;
};

// Msvm_ComputerSystem.HealthState
static const struct word healths[] = {{5, "ok"}, {20, "major"}, {25, "critical"}, {0, NULL}};
// OperationalStatus[0]; 3 is what a machine has whose configuration storage is gone
static const struct word statuses[] = {
    {2, "ok"}, {3, "degraded"}, {5, "predictive failure"}, {11, "in service"}, {0, NULL}};
// OperationalStatus[1]
static const struct word activities[] = {
    {32768, "creating snapshot"}, {32769, "applying snapshot"},
    {32770, "deleting snapshot"}, {32771, "waiting to start"},
    {32772, "merging disks"},     {32773, "exporting"},
    {32774, "migrating"},         {0, NULL},
};

static const char *word_of(const struct word *words, uint64_t number, const char *otherwise)
{
    for (; words->word; words++) {
        if (words->number == number) {
            return words->word;
        }
    }
    return otherwise;
}

const char *tk_vm_state_name(enum tk_vm_state state)
{
    return state_names[state];
}

// EnabledState. 32768 to 32770 are numbers of the old namespace that hosts were seen to give.
static enum tk_vm_state state_of(uint64_t enabled_state)
{
    switch (enabled_state) {
    case 2:
        return TK_VM_RUNNING;
    case 3:
        return TK_VM_OFF;
    case 4:
    case 32774:
        return TK_VM_STOPPING;
    case 6:
    case 32769:
    case 32779: // fast saved
        return TK_VM_SAVED;
    case 9:
    case 32768:
        return TK_VM_PAUSED;
    case 10:
    case 11: // reset
    case 32770:
        return TK_VM_STARTING;
    case 32773:
    case 32780: // fast saving
        return TK_VM_SAVING;
    case 32776:
        return TK_VM_PAUSING;
    case 32777:
        return TK_VM_RESUMING;
    default:
        return enabled_state >= CRITICAL_FROM && enabled_state <= UINT16_MAX ? TK_VM_CRITICAL
                                                                             : TK_VM_UNKNOWN;
    }
}

void tk_vm_clear(struct tk_vm *vm)
{
    tk_free(vm->name);
    memset(vm, 0, sizeof *vm);
}

void tk_vm_list_clear(struct tk_vm_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tk_vm_clear(&list->items[i]);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

static uint64_t status_at(const struct tk_cim_object *o, size_t index)
{
    const char *text = tk_cim_text_at(o, "OperationalStatus", index);
    uint64_t number = 0;

    while (text && *text >= '0' && *text <= '9' && number < UINT16_MAX) {
        number = number * 10 + (uint64_t)(*text++ - '0');
    }
    return number;
}

// False when the object is no virtual machine.
static bool read_vm(struct tk_vm *vm, const struct tk_cim_object *o, bool planned)
{
    const char *name = tk_cim_text(o, "Name");
    uint64_t uptime_ms;

    memset(vm, 0, sizeof *vm);
    if (!name || !tk_guid_parse(name, vm->id)) {
        return false;
    }
    vm->name = tk_strdup(tk_cim_text(o, "ElementName"));
    if (!vm->name) {
        vm->name = tk_strdup("");
    }
    vm->state = state_of(tk_cim_uint_or(o, "EnabledState", 0));
    vm->health = word_of(healths, tk_cim_uint_or(o, "HealthState", 0), "unknown");
    vm->status = word_of(statuses, status_at(o, 0), "unknown");
    vm->activity = word_of(activities, status_at(o, 1), NULL);
    vm->uptime_ms = tk_cim_uint(o, "OnTimeInMilliseconds", &uptime_ms) && uptime_ms <= INT64_MAX
                        ? (int64_t)uptime_ms
                        : -1;
    vm->planned = planned;
    return true;
}

static void take_vms(struct tk_vm_list *out, const struct tk_cim_list *objects, bool planned)
{
    out->items = tk_alloc((objects->count + 1) * sizeof *out->items);
    for (size_t i = 0; i < objects->count; i++) {
        if (read_vm(&out->items[out->count], objects->items[i], planned)) {
            out->count++;
        }
    }
}

static const char *class_of(bool planned)
{
    return planned ? "Msvm_PlannedComputerSystem" : "Msvm_ComputerSystem";
}

int tk_hyperv_vms(struct tk_vm_list *out, struct tk_hyperv *h, bool planned,
                  const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list objects = {0};
    int result;

    memset(out, 0, sizeof *out);
    result = tk_hyperv_query(&objects, h, limit, err, "SELECT * FROM %s", class_of(planned));
    if (result == 0) {
        take_vms(out, &objects, planned);
    }
    tk_cim_list_free(&objects);
    return result;
}

// All machines of that id or name. `property` is a key of ours, `value` is quoted here.
static int find(struct tk_vm_list *out, struct tk_hyperv *h, bool planned, const char *property,
                const char *value, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list objects = {0};
    char *quoted = tk_wql_quote(value);
    int result;

    memset(out, 0, sizeof *out);
    result = tk_hyperv_query(&objects, h, limit, err, "SELECT * FROM %s WHERE %s='%s'",
                             class_of(planned), property, quoted);
    if (result == 0) {
        take_vms(out, &objects, planned);
    }
    tk_cim_list_free(&objects);
    tk_free(quoted);
    return result;
}

// Moves the first machine of the list out of it.
static bool take_first(struct tk_vm *out, struct tk_vm_list *list)
{
    bool found = list->count > 0;

    if (found) {
        *out = list->items[0];
        memset(&list->items[0], 0, sizeof list->items[0]);
    }
    tk_vm_list_clear(list);
    return found;
}

int tk_hyperv_find_vm(struct tk_vm *out, bool *found, struct tk_hyperv *h, const char *name_or_id,
                      const struct tk_limit *limit, struct tk_failure *err)
{
    char id[TK_GUID_SIZE];
    bool by_id = tk_guid_parse(name_or_id, id);
    struct tk_vm_list list;

    memset(out, 0, sizeof *out);
    *found = false;
    if (find(&list, h, false, by_id ? "Name" : "ElementName", by_id ? id : name_or_id, limit,
             err) != 0) {
        return -1;
    }
    if (list.count > 1) {
        tk_fail(err, TK_HYPERV_AMBIGUOUS, "%zu virtual machines are named \"%s\"", list.count,
                name_or_id);
        tk_fail_hint(err, "use the id: %s, %s%s", list.items[0].id, list.items[1].id,
                     list.count > 2 ? ", ..." : "");
        tk_fail_target(err, name_or_id);
        tk_vm_list_clear(&list);
        return -1;
    }
    *found = take_first(out, &list);
    return 0;
}

int tk_hyperv_not_found(struct tk_failure *err, const struct tk_vm_ref *ref)
{
    tk_fail(err, TK_HYPERV_VM_NOT_FOUND, "there is no %svirtual machine %s on this host",
            ref->kind == TK_VM_PLANNED      ? "planned "
            : ref->kind == TK_VM_REGISTERED ? "registered "
                                            : "",
            ref->id);
    return tk_fail_target(err, ref->id);
}

int tk_hyperv_look(struct tk_vm *out, bool *found, struct tk_hyperv *h, const struct tk_vm_ref *ref,
                   const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm_list list = {0};
    bool there = false;

    memset(out, 0, sizeof *out);
    if (ref->kind != TK_VM_PLANNED) {
        if (find(&list, h, false, "Name", ref->id, limit, err) != 0) {
            return -1;
        }
        there = take_first(out, &list);
    }
    if (!there && ref->kind != TK_VM_REGISTERED) {
        if (find(&list, h, true, "Name", ref->id, limit, err) != 0) {
            return -1;
        }
        there = take_first(out, &list);
    }
    if (found) {
        *found = there;
        return 0;
    }
    return there ? 0 : tk_hyperv_not_found(err, ref);
}

int tk_hyperv_check_exists(struct tk_hyperv *h, const struct tk_vm_ref *ref,
                           const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm vm;
    int result = tk_hyperv_look(&vm, NULL, h, ref, limit, err);

    tk_vm_clear(&vm);
    return result;
}

int tk_hyperv_wrong_state(struct tk_failure *err, const struct tk_vm *vm, const char *wanted)
{
    tk_fail(err, TK_HYPERV_STATE, "%s is %s%s; %s", vm->name, vm->planned ? "planned and " : "",
            tk_vm_state_name(vm->state), wanted);
    return tk_fail_target(err, vm->id);
}

char *tk_hyperv_vm_path(const struct tk_vm *vm)
{
    const char *class_name = class_of(vm->planned);

    return tk_sprintf("%s.CreationClassName=\"%s\",Name=\"%s\"", class_name, class_name, vm->id);
}

char *tk_hyperv_settings_path(const char *id)
{
    return tk_sprintf("Msvm_VirtualSystemSettingData.InstanceID=\"Microsoft:%s\"", id);
}
