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

bool tk_vm_is_on(const struct tk_vm *vm)
{
    if (vm->state == TK_VM_CRITICAL) { // which says only that its storage is gone
        return vm->uptime_ms != 0;
    }
    return vm->state != TK_VM_OFF && vm->state != TK_VM_SAVED;
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
    vm->told_process = (uint32_t)(tk_cim_uint_or(o, "ProcessID", 0) & UINT32_MAX);
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

// ---- what is not listed

// The host's name in a list of systems; NULL where the list does not show the host.
static const char *host_in(const struct tk_cim_list *systems)
{
    for (size_t i = 0; i < systems->count; i++) {
        const char *name = tk_cim_text(systems->items[i], "Name");
        char id[TK_GUID_SIZE];

        if (name && *name && !tk_guid_parse(name, id)) {
            return name;
        }
    }
    return NULL;
}

// Hyper-V's list, where it shows that the asker can see: the host itself is in it, and an account
// that sees no machine at all sees the management service, which needs the same rights.
static int list_all(struct tk_vm_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                    struct tk_failure *err)
{
    struct tk_cim_list systems = {0};
    const char *host, *path;
    int result;

    memset(out, 0, sizeof *out);
    result = tk_hyperv_query(&systems, h, limit, err, "SELECT * FROM %s", class_of(false));
    if (result != 0) {
        return -1;
    }
    host = host_in(&systems);
    if (host) {
        result = tk_hyperv_check_host(h, host, err);
    } else {
        result = tk_hyperv_empty(err, "the list of virtual machines does not even show the host");
    }
    if (result == 0) {
        take_vms(out, &systems, false);
    }
    tk_cim_list_free(&systems);
    if (result == 0 && out->count == 0) {
        result = tk_hyperv_service(&path, h, TK_VMMS, limit, err);
    }
    return result;
}

// The machine whose process it is, NULL where the list has none.
static struct tk_vm *owner_of(const struct tk_worker *worker, const struct tk_vm_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct tk_vm *vm = &list->items[i];

        if (worker->id[0] ? strcmp(vm->id, worker->id) == 0
                          : worker->process > 0 && vm->told_process == worker->process) {
            return vm;
        }
    }
    return NULL;
}

static int not_listed(struct tk_failure *err, const struct tk_worker *worker, size_t count)
{
    if (worker->id[0]) {
        tk_hyperv_empty(err,
                        "the host lists %zu virtual machines, but not %s, whose process (vmwp.exe, "
                        "%u) is there",
                        count, worker->id, (unsigned)worker->process);
        return tk_fail_target(err, worker->id);
    }
    return tk_hyperv_empty(err,
                           "the process %u (vmwp.exe) is of none of the %zu virtual machines that "
                           "the host lists, and its command line may not be read",
                           (unsigned)worker->process, count);
}

// A machine that comes here by live migration has its process before it is registered.
static int is_arriving(bool *arriving, const struct tk_worker *worker, struct tk_hyperv *h,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm_list planned = {0};
    int result = 0;

    *arriving = false;
    if (worker->id[0]) {
        result = find(&planned, h, true, "Name", worker->id, limit, err);
        *arriving = planned.count > 0;
    }
    tk_vm_list_clear(&planned);
    return result;
}

// Compares the list with the processes; notes them in it. WMI_EMPTY where the list lacks a machine
// that is on. `only`: the one machine that is asked for, to whom others do not matter.
static int confirm(struct tk_vm_list *list, struct tk_hyperv *h, const char *only,
                   const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_worker_list workers;
    int result = tk_hyperv_workers(&workers, h, limit, err);

    for (size_t i = 0; i < workers.count && result == 0; i++) {
        const struct tk_worker *worker = &workers.items[i];
        struct tk_vm *vm = owner_of(worker, list);
        bool others = only && worker->id[0] && strcmp(only, worker->id) != 0, arriving = false;

        if (vm) {
            vm->process = worker->process;
        } else if (!others) {
            if (!only) {
                result = is_arriving(&arriving, worker, h, limit, err);
            }
            if (result == 0 && !arriving) {
                result = not_listed(err, worker, list->count);
            }
        }
    }
    tk_worker_list_clear(&workers);
    return result;
}

// ---- looking

int tk_hyperv_vms(struct tk_vm_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                  struct tk_failure *err)
{
    int result = list_all(out, h, limit, err);

    return result == 0 ? confirm(out, h, NULL, limit, err) : result;
}

int tk_hyperv_planned_vms(struct tk_vm_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                          struct tk_failure *err)
{
    struct tk_cim_list objects = {0};
    int result;

    memset(out, 0, sizeof *out);
    result = tk_hyperv_query(&objects, h, limit, err, "SELECT * FROM %s", class_of(true));
    if (result == 0) {
        take_vms(out, &objects, true);
    }
    tk_cim_list_free(&objects);
    return result == 0 && out->count == 0
               ? tk_hyperv_check_sight(h, "planned virtual machine", limit, err)
               : result;
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

static bool fits(const struct tk_vm *vm, bool by_id, const char *value)
{
    return tk_same_text(by_id ? vm->id : vm->name, value);
}

static bool lists(const struct tk_vm_list *list, bool by_id, const char *value)
{
    for (size_t i = 0; i < list->count; i++) {
        if (fits(&list->items[i], by_id, value)) {
            return true;
        }
    }
    return false;
}

// Keeps those of that id or name.
static void keep_only(struct tk_vm_list *list, bool by_id, const char *value)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct tk_vm *vm = &list->items[i];

        if (fits(vm, by_id, value)) {
            struct tk_vm moved = *vm;

            memset(vm, 0, sizeof *vm);
            list->items[kept++] = moved;
        } else {
            tk_vm_clear(vm);
        }
    }
    list->count = kept;
}

// Registered machines of that id or name. The first look of a handle is at the whole list, because
// that tells which host answers; later ones are at the machine alone, unless it was not there. That
// there is none is told by the whole list, too, and by the processes.
static int find_registered(struct tk_vm_list *out, struct tk_hyperv *h, bool by_id,
                           const char *value, const struct tk_limit *limit, struct tk_failure *err)
{
    bool known = tk_hyperv_knows_host(h) && !(by_id && tk_hyperv_was_absent(h, value));
    struct tk_vm_list all = {0};
    int result;

    memset(out, 0, sizeof *out);
    if ((known || !by_id) && // only the host compares names in all scripts without case
        find(out, h, false, by_id ? "Name" : "ElementName", value, limit, err) != 0) {
        return -1;
    }
    if (known && out->count > 0) {
        return 0;
    }
    result = list_all(&all, h, limit, err);
    if (result == 0 && out->count == 0) {
        if (lists(&all, by_id, value)) {
            tk_vm_list_clear(out);
            *out = all;
            memset(&all, 0, sizeof all);
            keep_only(out, by_id, value);
        } else {
            result = confirm(&all, h, by_id ? value : NULL, limit, err);
        }
    }
    if (by_id && result == 0) {
        tk_hyperv_note_absent(h, out->count > 0 ? "" : value);
    }
    tk_vm_list_clear(&all);
    if (result != 0) {
        tk_vm_list_clear(out);
    }
    return result;
}

int tk_hyperv_find_vm(struct tk_vm *out, bool *found, struct tk_hyperv *h, const char *name_or_id,
                      const struct tk_limit *limit, struct tk_failure *err)
{
    char id[TK_GUID_SIZE];
    bool by_id = tk_guid_parse(name_or_id, id);
    struct tk_vm_list list;

    memset(out, 0, sizeof *out);
    *found = false;
    if (find_registered(&list, h, by_id, by_id ? id : name_or_id, limit, err) != 0) {
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
    if (!there && ref->kind != TK_VM_PLANNED) { // that it is not registered needs two witnesses
        if (find_registered(&list, h, true, ref->id, limit, err) != 0) {
            return -1;
        }
        there = take_first(out, &list);
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
