// From a configuration file to a registered virtual machine, and back. An import is four changes
// that a script composes: import, configure, (validate), realize; what was begun and failed is
// discarded. The id of the machine is kept always, so that disks' access lists stay valid.
#include <string.h>

#include "hostfiles/hostfiles.h"
#include "hyperv_common.h"

#define VM_FOLDER "Virtual Machines"

// ---- what a file or a job tells of the machine

// The id in a reference to a machine, as an output of a method has it.
static bool id_of_reference(const char *path, char id[TK_GUID_SIZE])
{
    char *name = tk_hyperv_key(path, "Name");
    bool found = name && tk_guid_parse(name, id);

    tk_free(name);
    return found;
}

// The machine that a finished job made, for hosts that leave the method's own output empty.
static bool id_of_job(char id[TK_GUID_SIZE], struct tk_hyperv *h, const char *job,
                      const char *class_name, const struct tk_limit *limit)
{
    struct tk_cim_list list = {0};
    struct tk_failure ignored;
    bool found = false;

    if (job &&
        tk_hyperv_query(&list, h, limit, &ignored,
                        "ASSOCIATORS OF {%s} WHERE AssocClass=Msvm_AffectedJobElement "
                        "ResultClass=%s",
                        job, class_name) == 0 &&
        list.count > 0) {
        const char *name = tk_cim_text(list.items[0], "Name");

        found = name && tk_guid_parse(name, id);
    }
    tk_cim_list_free(&list);
    return found;
}

// Hyper-V says 32779 of a file that is in use and of one that is not there; files are asked for
// elsewhere. Where that is not possible the failure stays as it is.
static int explain_file(struct tk_failure *err, struct tk_hyperv *h, const char *file,
                        const struct tk_limit *limit)
{
    struct tk_hostfile_list found = {0};
    char *path = tk_hostfile_path(file);
    struct tk_wmi *cimv2 = NULL;
    struct tk_failure ignored;

    if (path && tk_wmi_namespace(&cimv2, tk_hyperv_wmi(h), "root/cimv2", &ignored) == 0 &&
        tk_hostfile_find(&found, cimv2, path, false, limit, &ignored) == 0 && found.count == 0) {
        err->code = TK_HYPERV_NO_DEFINITION;
        err->transient = tk_code_transient(err->code);
        tk_fail_hint(err, "there is no such file: is the disk connected to this node?");
    }
    tk_hostfile_list_clear(&found);
    tk_wmi_close(cimv2);
    tk_free(path);
    return -1;
}

int tk_hyperv_definition(struct tk_vm *out, struct tk_hyperv *h, const char *file,
                         const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_object *in = tk_cim_new(""), *answer = NULL;
    const struct tk_cim_object *summary;
    const char *id;
    int result = -1;

    memset(out, 0, sizeof *out);
    tk_cim_add(in, "DefinitionFiles", TK_CIM_STRING, file);
    if (tk_hyperv_run(&answer, h,
                      &(struct tk_hyperv_call){.service = TK_VMMS,
                                               .method = "GetDefinitionFileSummaryInformation",
                                               .in = in,
                                               .target = file},
                      limit, err) != 0) {
        if (err->code == TK_HYPERV_IN_USE) {
            explain_file(err, h, file, limit);
        }
        goto done;
    }
    summary = tk_cim_object_at(answer, "SummaryInformation", 0);
    id = tk_cim_text(summary, "Name");
    if (!id || !tk_guid_parse(id, out->id)) {
        tk_fail(err, TK_HYPERV_NO_DEFINITION,
                "Hyper-V cannot read a virtual machine's configuration from %s", file);
        tk_fail_hint(err, "is the disk connected to this node, and is the file complete?");
        tk_fail_target(err, file);
        goto done;
    }
    out->name = tk_strdup(tk_cim_text(summary, "ElementName"));
    if (!out->name) {
        out->name = tk_strdup("");
    }
    result = 0;
done:
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}

// ---- import

// "<root>\Virtual Machines\<id>.vmcx" -> "<root>\Snapshots"; NULL for another layout. Caller frees.
static char *snapshots_beside(const char *file)
{
    static const size_t folder_len = sizeof VM_FOLDER - 1;
    size_t end = strlen(file);
    char *folder, *result = NULL;

    while (end > 0 && file[end - 1] != '\\' && file[end - 1] != '/') {
        end--;
    }
    if (end < folder_len + 2 ||
        (file[end - folder_len - 2] != '\\' && file[end - folder_len - 2] != '/')) {
        return NULL;
    }
    folder = tk_strndup(file + end - folder_len - 1, folder_len);
    if (tk_same_text(folder, VM_FOLDER)) {
        result = tk_sprintf("%.*sSnapshots", (int)(end - folder_len - 1), file);
    }
    tk_free(folder);
    return result;
}

// Why an import really failed, where Hyper-V only said that it did: the machine is there already,
// or the file cannot be read.
static int explain_import(struct tk_failure *err, struct tk_hyperv *h, const char *file,
                          const struct tk_limit *limit)
{
    struct tk_vm_ref ref = {.kind = TK_VM_ANY};
    struct tk_vm described = {0}, there = {0};
    struct tk_failure other;
    bool found = false;

    if (err->code == TK_HYPERV_IN_USE) {
        return explain_file(err, h, file, limit);
    }
    if (err->code != TK_WMI_JOB_FAILED && err->code != TK_WMI_METHOD_FAILED) {
        return -1;
    }
    if (tk_hyperv_definition(&described, h, file, limit, &other) != 0) {
        if (other.code == TK_HYPERV_NO_DEFINITION) {
            err->code = TK_HYPERV_NO_DEFINITION;
        }
        return -1;
    }
    memcpy(ref.id, described.id, sizeof ref.id);
    if (tk_hyperv_look(&there, &found, h, &ref, limit, &other) == 0 && found) {
        err->code = TK_HYPERV_EXISTS;
        tk_fail_hint(err, "%s is %s here already", there.id,
                     there.planned ? "imported" : "registered");
    }
    tk_vm_clear(&described);
    tk_vm_clear(&there);
    return -1;
}

// The planned machine that an import made: by the method's output, by its job, or, because the id
// is kept, by the file.
static int find_imported(struct tk_vm *out, struct tk_hyperv *h, const struct tk_cim_object *answer,
                         const char *file, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm_ref ref = {.kind = TK_VM_PLANNED};
    struct tk_vm described;

    if (!id_of_reference(tk_cim_text(answer, "ImportedSystem"), ref.id) &&
        !id_of_job(ref.id, h, tk_cim_text(answer, "Job"), "Msvm_PlannedComputerSystem", limit)) {
        if (tk_hyperv_definition(&described, h, file, limit, err) != 0) {
            return -1;
        }
        memcpy(ref.id, described.id, sizeof ref.id);
        tk_vm_clear(&described);
    }
    return tk_hyperv_look(out, NULL, h, &ref, limit, err);
}

int tk_hyperv_import(struct tk_vm *out, struct tk_hyperv *h, const char *file,
                     const char *snapshots, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_object *in = tk_cim_new(""), *answer = NULL;
    char *beside = snapshots ? NULL : snapshots_beside(file);
    int result = -1;

    memset(out, 0, sizeof *out);
    tk_cim_set(in, "SystemDefinitionFile", TK_CIM_STRING, file);
    tk_cim_set(in, "SnapshotFolder", TK_CIM_STRING, snapshots ? snapshots : beside);
    tk_cim_set_bool(in, "GenerateNewSystemIdentifier", false);
    if (tk_hyperv_run(
            &answer, h,
            &(struct tk_hyperv_call){
                .service = TK_VMMS, .method = "ImportSystemDefinition", .in = in, .target = file},
            limit, err) != 0) {
        explain_import(err, h, file, limit);
        goto done;
    }
    result = find_imported(out, h, answer, file, limit, err);
    if (result != 0) {
        err->maybe_executed = true;
    }
done:
    tk_free(beside);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}

// ---- planned machines

static int run_on(struct tk_cim_object **answer, struct tk_hyperv *h, const char *method,
                  const char *parameter, const struct tk_vm *vm, const struct tk_limit *limit,
                  struct tk_failure *err)
{
    struct tk_cim_object *in = tk_cim_new("");
    char *path = tk_hyperv_vm_path(vm);
    int result;

    tk_cim_set(in, parameter, TK_CIM_REFERENCE, path);
    result = tk_hyperv_run(
        answer, h,
        &(struct tk_hyperv_call){.service = TK_VMMS, .method = method, .in = in, .target = vm->id},
        limit, err);
    tk_free(path);
    tk_cim_free(in);
    return result;
}

// The planned machine of that id, whatever kind the script's table says.
static int look_planned(struct tk_vm *out, bool *found, struct tk_hyperv *h,
                        const struct tk_vm_ref *vm, const struct tk_limit *limit,
                        struct tk_failure *err)
{
    struct tk_vm_ref planned = *vm;

    planned.kind = TK_VM_PLANNED;
    return tk_hyperv_look(out, found, h, &planned, limit, err);
}

void tk_vm_verdict_clear(struct tk_vm_verdict *verdict)
{
    for (size_t i = 0; i < verdict->count; i++) {
        tk_free(verdict->items[i].code);
        tk_free(verdict->items[i].message);
        tk_free(verdict->items[i].source);
    }
    tk_free(verdict->items);
    memset(verdict, 0, sizeof *verdict);
}

// The first run of digits of a message id ("40004", "Hyper-V-VMMS40004"); all of it without digits.
// That these are the numbers which Compare-VM shows is unverified.
static char *digits_of(const char *text)
{
    const char *begin = text, *end;

    while (*begin && (*begin < '0' || *begin > '9')) {
        begin++;
    }
    for (end = begin; *end >= '0' && *end <= '9'; end++) {
    }
    return end > begin ? tk_strndup(begin, (size_t)(end - begin)) : tk_strdup(text);
}

static void read_problems(struct tk_vm_verdict *out, const struct tk_cim_object *answer)
{
    size_t count = tk_cim_count(answer, "JobErrors");

    out->items = tk_alloc((count + 1) * sizeof *out->items);
    for (size_t i = 0; i < count; i++) {
        const struct tk_cim_object *o = tk_cim_object_at(answer, "JobErrors", i);
        const char *id = tk_cim_text(o, "MessageID"), *message = tk_cim_text(o, "Message");
        struct tk_vm_problem *problem;

        if (!o) {
            continue;
        }
        problem = &out->items[out->count++];
        problem->code = digits_of(id ? id : "");
        problem->message = tk_strdup(message ? message : "no message");
        problem->source = tk_strdup(tk_cim_text(o, "ErrorSource"));
    }
}

int tk_hyperv_validate(struct tk_vm_verdict *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_object *answer = NULL;
    struct tk_vm planned = {0};
    int result = -1;

    memset(out, 0, sizeof *out);
    if (look_planned(&planned, NULL, h, vm, limit, err) != 0) {
        goto done;
    }
    result = run_on(&answer, h, "ValidatePlannedSystem", "PlannedSystem", &planned, limit, err);
    if (answer) {
        read_problems(out, answer);
    }
    if (result != 0 && out->count == 0 && answer && err->code == TK_HYPERV_INVALID) {
        // refused without saying why
        out->items[out->count++] = (struct tk_vm_problem){
            .code = tk_sprintf("%u", (unsigned)err->hresult),
            .message = tk_strdup(err->message),
        };
    }
    if (out->count > 0) { // what was found is an answer, not a failure
        result = 0;
    }
    out->ok = result == 0 && out->count == 0;
done:
    if (result != 0) {
        tk_vm_verdict_clear(out);
    }
    tk_vm_clear(&planned);
    tk_cim_free(answer);
    return result;
}

int tk_hyperv_realize(struct tk_vm *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                      const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm_ref registered = {.kind = TK_VM_REGISTERED};
    struct tk_cim_object *answer = NULL;
    struct tk_vm planned = {0};
    int result = -1;

    memset(out, 0, sizeof *out);
    if (look_planned(&planned, NULL, h, vm, limit, err) != 0 ||
        run_on(&answer, h, "RealizePlannedSystem", "PlannedSystem", &planned, limit, err) != 0) {
        goto done;
    }
    memcpy(registered.id, planned.id, sizeof registered.id); // the id is kept
    result = tk_hyperv_look(out, NULL, h, &registered, limit, err);
    if (result != 0) {
        err->maybe_executed = true;
    }
done:
    tk_vm_clear(&planned);
    tk_cim_free(answer);
    return result;
}

static int destroy(bool *changed, struct tk_hyperv *h, const struct tk_vm *vm,
                   const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_object *answer = NULL;
    int result = run_on(&answer, h, "DestroySystem", "AffectedSystem", vm, limit, err);

    tk_cim_free(answer);
    if (result != 0 && err->code == TK_HYPERV_VM_NOT_FOUND) { // gone since we looked
        return 0;
    }
    *changed = result == 0;
    return result;
}

int tk_hyperv_discard(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                      const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm planned = {0};
    bool found = false;
    int result;

    *changed = false;
    result = look_planned(&planned, &found, h, vm, limit, err);
    if (result == 0 && found) {
        result = destroy(changed, h, &planned, limit, err);
    }
    tk_vm_clear(&planned);
    return result;
}

int tk_hyperv_unregister(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                         const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_vm_ref registered = *vm;
    struct tk_vm there = {0};
    bool found = false;
    int result;

    *changed = false;
    registered.kind = TK_VM_REGISTERED;
    result = tk_hyperv_look(&there, &found, h, &registered, limit, err);
    if (result == 0 && found) {
        // one whose storage is gone ("critical") can be turned off and deleted, nothing else
        if (there.state != TK_VM_OFF && there.state != TK_VM_SAVED &&
            there.state != TK_VM_CRITICAL) {
            result = tk_hyperv_wrong_state(err, &there, "only one that is off is unregistered");
        } else {
            result = destroy(changed, h, &there, limit, err);
        }
    }
    tk_vm_clear(&there);
    return result;
}

// ---- export

// CopySnapshotConfiguration 1: none.
static struct tk_cim_object *export_settings(const struct tk_vm *vm, bool with_disks,
                                             bool subdirectory)
{
    struct tk_cim_object *o = tk_cim_new("Msvm_VirtualSystemExportSettingData");
    char *id = tk_sprintf("Microsoft:%s", vm->id);

    tk_cim_set(o, "InstanceID", TK_CIM_STRING, id);
    tk_cim_set_uint(o, "CopySnapshotConfiguration", TK_CIM_UINT8, 1);
    tk_cim_set_bool(o, "CopyVmStorage", with_disks);
    tk_cim_set_bool(o, "CopyVmRuntimeInformation", false);
    tk_cim_set_bool(o, "CreateVmExportSubdirectory", subdirectory);
    tk_free(id);
    return o;
}

int tk_hyperv_export(struct tk_hyperv *h, const struct tk_vm_ref *vm, const char *directory,
                     bool with_disks, bool subdirectory, const struct tk_limit *limit,
                     struct tk_failure *err)
{
    struct tk_vm_ref registered = *vm;
    struct tk_cim_object *in = NULL, *answer = NULL;
    struct tk_vm there = {0};
    char *path = NULL;
    int result = -1;

    registered.kind = TK_VM_REGISTERED;
    if (tk_hyperv_look(&there, NULL, h, &registered, limit, err) != 0) {
        goto done;
    }
    in = tk_cim_new("");
    path = tk_hyperv_vm_path(&there);
    tk_cim_set(in, "ComputerSystem", TK_CIM_REFERENCE, path);
    tk_cim_set(in, "ExportDirectory", TK_CIM_STRING, directory);
    tk_cim_set_instance(in, "ExportSettingData", export_settings(&there, with_disks, subdirectory));
    result = tk_hyperv_run(
        &answer, h,
        &(struct tk_hyperv_call){
            .service = TK_VMMS, .method = "ExportSystemDefinition", .in = in, .target = there.id},
        limit, err);
done:
    tk_free(path);
    tk_vm_clear(&there);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}
