// Settings of a virtual machine: read from Msvm_VirtualSystemSettingData, changed by
// ModifySystemSettings with nothing but the id and what is different. Hyper-V refuses an instance
// that echoes its read-only properties.
#include <stdlib.h>
#include <string.h>

#include "hyperv_common.h"

#define MIB (UINT64_C(1) << 20)

struct word {
    uint64_t number;
    const char *word;
};

static const struct word stop_actions[] = {
    {2, "turn off"}, {3, "save"}, {4, "shut down"}, {0, NULL}};
static const struct word start_actions[] = {
    {2, "none"}, {3, "if was running"}, {4, "always"}, {0, NULL}};
static const struct word recovery_actions[] = {
    {2, "none"}, {3, "restart"}, {4, "revert"}, {0, NULL}};
// UserSnapshotType
static const struct word checkpoint_kinds[] = {{2, "disabled"},
                                               {3, "production with fallback"},
                                               {4, "production only"},
                                               {5, "standard"},
                                               {0, NULL}};

static const char *word_of(const struct word *words, const struct tk_cim_object *o,
                           const char *name, const char *otherwise)
{
    uint64_t number;

    if (!tk_cim_uint(o, name, &number)) {
        return otherwise;
    }
    for (; words->word; words++) {
        if (words->number == number) {
            return words->word;
        }
    }
    return "unknown";
}

// 0 when there is no such word.
static uint64_t number_of(const struct word *words, const char *word)
{
    for (; words->word; words++) {
        if (strcmp(words->word, word) == 0) {
            return words->number;
        }
    }
    return 0;
}

// Replaces a word by our own static text; false when there is no such word.
static bool own_word(const struct word *words, const char **word)
{
    for (; *word && words->word; words++) {
        if (strcmp(words->word, *word) == 0) {
            *word = words->word;
            return true;
        }
    }
    return !*word;
}

void tk_vm_settings_clear(struct tk_vm_settings *settings)
{
    tk_free(settings->root);
    tk_free(settings->file);
    tk_free(settings->snapshot_root);
    tk_free(settings->version);
    memset(settings, 0, sizeof *settings);
}

// The settings object of a registered or planned machine (not of its checkpoints) into *list, whose
// first item it is. By what is meant, because a planned and a registered one may not be mixed up.
static int get_settings(struct tk_cim_list *list, bool *planned, struct tk_hyperv *h,
                        const struct tk_vm_ref *vm, const struct tk_limit *limit,
                        struct tk_failure *err)
{
    static const char *const types[] = {"Microsoft:Hyper-V:System:Realized",
                                        "Microsoft:Hyper-V:System:Planned"};

    memset(list, 0, sizeof *list);
    for (int i = 0; i < 2; i++) {
        if (vm->kind == (i == 0 ? TK_VM_PLANNED : TK_VM_REGISTERED)) {
            continue;
        }
        if (tk_hyperv_query(list, h, limit, err,
                            "SELECT * FROM Msvm_VirtualSystemSettingData WHERE "
                            "VirtualSystemType='%s' AND VirtualSystemIdentifier='%s'",
                            types[i], vm->id) != 0) {
            return -1;
        }
        if (list->count > 0) {
            *planned = i == 1;
            return 0;
        }
        tk_cim_list_free(list);
    }
    if (tk_hyperv_check_exists(h, vm, limit, err) != 0) {
        return -1;
    }
    tk_hyperv_empty(err, "the host shows the virtual machine %s, but no settings of it", vm->id);
    return tk_fail_target(err, vm->id);
}

static uint64_t size_of(const struct tk_cim_object *o, const char *name)
{
    uint64_t mib = tk_cim_uint_or(o, name, 0);

    return mib <= UINT64_MAX / MIB ? mib * MIB : 0;
}

// "Microsoft:Hyper-V:SubType:2" -> 2
static int generation_of(const struct tk_cim_object *o)
{
    const char *text = tk_cim_text(o, "VirtualSystemSubType");
    const char *digits = text ? strrchr(text, ':') : NULL;
    long number = digits ? strtol(digits + 1, NULL, 10) : 0;

    return number > 0 && number < 100 ? (int)number : 0;
}

static int read_memory(struct tk_vm_settings *out, struct tk_hyperv *h, const char *id,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    int result = tk_hyperv_query(
        &list, h, limit, err,
        "SELECT * FROM Msvm_MemorySettingData WHERE InstanceID LIKE 'Microsoft:%s%%'", id);

    if (result == 0 && list.count > 0) {
        out->knows_dynamic_memory =
            tk_cim_bool(list.items[0], "DynamicMemoryEnabled", &out->dynamic_memory);
    }
    tk_cim_list_free(&list);
    return result;
}

int tk_hyperv_settings(struct tk_vm_settings *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    const struct tk_cim_object *o;
    bool planned;
    int result = -1;

    memset(out, 0, sizeof *out);
    if (get_settings(&list, &planned, h, vm, limit, err) != 0) {
        goto done;
    }
    o = list.items[0];
    out->stop_action = word_of(stop_actions, o, "AutomaticShutdownAction", "unknown");
    out->start_action = word_of(start_actions, o, "AutomaticStartupAction", "unknown");
    out->recovery_action = word_of(recovery_actions, o, "AutomaticRecoveryAction", NULL);
    out->checkpoints = word_of(checkpoint_kinds, o, "UserSnapshotType", NULL);
    out->knows_cache_types = tk_cim_bool(o, "GuestControlledCacheTypes", &out->cache_types);
    out->low_mmio_bytes = size_of(o, "LowMmioGapSize");
    out->high_mmio_bytes = size_of(o, "HighMmioGapSize");
    tk_cim_bool(o, "IsSaved", &out->saved_state);
    out->root = tk_strdup(tk_cim_text(o, "ConfigurationDataRoot"));
    out->file = tk_strdup(tk_cim_text(o, "ConfigurationFile"));
    out->snapshot_root = tk_strdup(tk_cim_text(o, "SnapshotDataRoot"));
    out->version = tk_strdup(tk_cim_text(o, "Version"));
    out->generation = generation_of(o);
    result = read_memory(out, h, vm->id, limit, err);
done:
    tk_cim_list_free(&list);
    if (result != 0) {
        tk_vm_settings_clear(out);
    }
    return result;
}

// ---- changing

const char *tk_vm_changes_check(struct tk_vm_changes *changes, const char **known)
{
    if (!own_word(stop_actions, &changes->stop_action)) {
        *known = "\"turn off\", \"save\" or \"shut down\"";
        return "stop_action";
    }
    if (!own_word(start_actions, &changes->start_action)) {
        *known = "\"none\", \"if was running\" or \"always\"";
        return "start_action";
    }
    if (!own_word(checkpoint_kinds, &changes->checkpoints)) {
        *known = "\"disabled\", \"production with fallback\", \"production only\" or "
                 "\"standard\"";
        return "checkpoints";
    }
    if (changes->low_mmio_bytes % MIB != 0 || changes->high_mmio_bytes % MIB != 0) {
        *known = "whole MiB, like \"3072MiB\"";
        return changes->low_mmio_bytes % MIB != 0 ? "low_mmio" : "high_mmio";
    }
    return NULL;
}

static void set_number(struct tk_cim_object *to, const struct tk_cim_object *from, const char *name,
                       enum tk_cim_type type, uint64_t wanted)
{
    uint64_t is;

    if (wanted != 0 && !(tk_cim_uint(from, name, &is) && is == wanted)) {
        tk_cim_set_uint(to, name, type, wanted);
    }
}

static void set_word(struct tk_cim_object *to, const struct tk_cim_object *from, const char *name,
                     const struct word *words, const char *wanted)
{
    set_number(to, from, name, TK_CIM_UINT16, wanted ? number_of(words, wanted) : 0);
}

static void set_path(struct tk_cim_object *to, const struct tk_cim_object *from, const char *name,
                     const char *wanted)
{
    if (wanted && !tk_same_path(tk_cim_text(from, name), wanted)) {
        tk_cim_set(to, name, TK_CIM_STRING, wanted);
    }
}

// What differs, on top of the id; NULL: nothing. A setting that a host does not know counts as
// different: its refusal is the answer.
static struct tk_cim_object *difference(const struct tk_cim_object *from,
                                        const struct tk_vm_changes *c)
{
    struct tk_cim_object *to = tk_cim_new("Msvm_VirtualSystemSettingData");
    bool is;

    tk_cim_set(to, "InstanceID", TK_CIM_STRING, tk_cim_text(from, "InstanceID"));
    set_word(to, from, "AutomaticShutdownAction", stop_actions, c->stop_action);
    set_word(to, from, "AutomaticStartupAction", start_actions, c->start_action);
    set_word(to, from, "UserSnapshotType", checkpoint_kinds, c->checkpoints);
    if (c->cache_types >= 0 &&
        !(tk_cim_bool(from, "GuestControlledCacheTypes", &is) && is == (c->cache_types == 1))) {
        tk_cim_set_bool(to, "GuestControlledCacheTypes", c->cache_types == 1);
    }
    set_number(to, from, "LowMmioGapSize", TK_CIM_UINT64, c->low_mmio_bytes / MIB);
    set_number(to, from, "HighMmioGapSize", TK_CIM_UINT64, c->high_mmio_bytes / MIB);
    set_path(to, from, "ConfigurationDataRoot", c->root);
    set_path(to, from, "SnapshotDataRoot", c->snapshot_root);
    set_path(to, from, "SwapFileDataRoot", c->swap_root);
    if (to->count == 1) {
        tk_cim_free(to);
        to = NULL;
    }
    return to;
}

// Hyper-V often says no more than "failed" to a change that wants the machine off.
static int explain_refusal(struct tk_failure *err, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                           bool wants_off, const struct tk_limit *limit)
{
    struct tk_failure other;
    struct tk_vm now;
    bool found;

    if (!wants_off || (err->code != TK_WMI_JOB_FAILED && err->code != TK_WMI_METHOD_FAILED &&
                       err->code != TK_HYPERV_STATE)) {
        return -1;
    }
    if (tk_hyperv_look(&now, &found, h, vm, limit, &other) == 0 && found &&
        now.state != TK_VM_OFF) {
        err->code = TK_HYPERV_STATE;
        err->transient = false;
        tk_fail_hint(err, "%s is %s; this changes only while it is off", now.name,
                     tk_vm_state_name(now.state));
    }
    tk_vm_clear(&now);
    return -1;
}

int tk_hyperv_configure(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                        const struct tk_vm_changes *changes, const struct tk_limit *limit,
                        struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    struct tk_cim_object *in = NULL, *out = NULL, *different;
    bool planned = false, wants_off;
    int result = -1;

    *changed = false;
    if (get_settings(&list, &planned, h, vm, limit, err) != 0) {
        goto done;
    }
    different = difference(list.items[0], changes);
    if (!different) {
        result = 0;
        goto done;
    }
    in = tk_cim_new("");
    tk_cim_set_instance(in, "SystemSettings", different);
    if (!planned && (tk_cim_find(different, "ConfigurationDataRoot") ||
                     tk_cim_find(different, "SnapshotDataRoot") ||
                     tk_cim_find(different, "SwapFileDataRoot"))) {
        tk_fail(err, TK_HYPERV_STATE,
                "the folders of a virtual machine are set while it is "
                "planned; this one is registered");
        tk_fail_target(err, vm->id);
        goto done;
    }
    wants_off = !planned && (tk_cim_find(different, "GuestControlledCacheTypes") ||
                             tk_cim_find(different, "LowMmioGapSize") ||
                             tk_cim_find(different, "HighMmioGapSize"));
    if (tk_hyperv_run(
            &out, h,
            &(struct tk_hyperv_call){
                .service = TK_VMMS, .method = "ModifySystemSettings", .in = in, .target = vm->id},
            limit, err) != 0) {
        explain_refusal(err, h, vm, wants_off, limit);
        goto done;
    }
    *changed = true;
    result = 0;
done:
    tk_cim_list_free(&list);
    tk_cim_free(in);
    tk_cim_free(out);
    return result;
}
