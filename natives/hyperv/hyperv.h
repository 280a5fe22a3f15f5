// Hyper-V on one host, written on WMI alone (root\virtualization\v2), whatever carries it. All
// functions block with a time limit, may be called from several threads at once, and know no Lua.
// Looking never changes anything; a verb makes at most one change, tells in *changed whether it
// did, and returns when Hyper-V's job has ended. Codes: HYPERV_*, or WMI_* where the fault is not
// Hyper-V's. Facts: Microsoft's reference of the Hyper-V WMI provider (V2); what no source confirms
// is marked "unverified".
#ifndef TK_HYPERV_H
#define TK_HYPERV_H

#include "wmi/wmi.h"

#define TK_GUID_SIZE 37 // with the zero byte

struct tk_hyperv;

struct tk_hyperv_options {
    int64_t job_timeout_ms;
    const char *host; // name that the host must say of itself; NULL: any
    const char *node; // what parameters.lua calls it, for messages; NULL: as `host`
};

// Takes a share of the connection, which must be to root/virtualization/v2. Reference counted.
struct tk_hyperv *tk_hyperv_open(struct tk_wmi *wmi, const struct tk_hyperv_options *options);
struct tk_hyperv *tk_hyperv_share(struct tk_hyperv *h);
void tk_hyperv_close(struct tk_hyperv *h);
int64_t tk_hyperv_job_timeout_ms(const struct tk_hyperv *h);

// "{d8f0...}" or "d8f0...": upper case without braces into `out`; false when it is no GUID.
bool tk_guid_parse(const char *text, char out[TK_GUID_SIZE]);

// ---- virtual machines (hyperv_vm.c)

enum tk_vm_state {
    TK_VM_UNKNOWN,
    TK_VM_RUNNING,
    TK_VM_OFF,
    TK_VM_SAVED,
    TK_VM_PAUSED,
    TK_VM_STARTING,
    TK_VM_STOPPING,
    TK_VM_SAVING,
    TK_VM_PAUSING,
    TK_VM_RESUMING,
    TK_VM_CRITICAL,
};
const char *tk_vm_state_name(enum tk_vm_state state);

// Words are static texts.
struct tk_vm {
    char id[TK_GUID_SIZE]; // upper case
    char *name;
    enum tk_vm_state state;
    const char *health, *status;
    const char *activity;  // NULL: none
    int64_t uptime_ms;     // negative: not told
    uint32_t told_process; // its process as the management service has it; 0: not told
    uint32_t process;      // the same as Windows has it (tk_hyperv_vms); 0: none, or not asked
    bool planned;
};

struct tk_vm_list {
    struct tk_vm *items;
    size_t count;
};

// Which virtual machine is meant. By id alone it may be a registered or a planned one.
enum tk_vm_kind { TK_VM_ANY, TK_VM_REGISTERED, TK_VM_PLANNED };
struct tk_vm_ref {
    char id[TK_GUID_SIZE];
    enum tk_vm_kind kind;
};

// May it be using devices? Only what is known to be off or saved does not.
bool tk_vm_is_on(const struct tk_vm *vm);
void tk_vm_clear(struct tk_vm *vm);
void tk_vm_list_clear(struct tk_vm_list *list);

// Name of the host. Caller frees.
int tk_hyperv_host(char **name, struct tk_hyperv *h, const struct tk_limit *limit,
                   struct tk_failure *err);
// All of them, as two witnesses have it: Hyper-V's list, which must show the host itself, and
// Windows' processes. The host is left out. WMI_EMPTY where the list shows less than the processes.
int tk_hyperv_vms(struct tk_vm_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                  struct tk_failure *err);
// Imported, not yet registered ones.
int tk_hyperv_planned_vms(struct tk_vm_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                          struct tk_failure *err);
// A registered one, by GUID or by name. Several of that name: HYPERV_AMBIGUOUS. That there is none
// needs the same two witnesses; WMI_EMPTY where they do not agree.
int tk_hyperv_find_vm(struct tk_vm *out, bool *found, struct tk_hyperv *h, const char *name_or_id,
                      const struct tk_limit *limit, struct tk_failure *err);

// ---- processes of virtual machines (hyperv_worker.c)

// A machine that is on has a process (vmwp.exe) on its host. Windows lists it in root/cimv2 also
// while the management service starts again or shows nothing.
struct tk_worker {
    uint32_t process;
    char id[TK_GUID_SIZE]; // of the machine; empty: its command line may not be read
};
struct tk_worker_list {
    struct tk_worker *items;
    size_t count;
};
void tk_worker_list_clear(struct tk_worker_list *list);
// WMI_EMPTY where the answer does not show the management service's own process.
int tk_hyperv_workers(struct tk_worker_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                      struct tk_failure *err);

// ---- jobs (hyperv_job.c)

struct tk_hyperv_job {
    char *id;
    char *name;            // in the host's language; NULL: not told
    const char *state;     // static
    int type;              // JobType; -1: not told
    int percent;           // 0 to 100
    long age;              // seconds since it began; -1: not told
    char vm[TK_GUID_SIZE]; // empty: none, or not told
};
struct tk_hyperv_job_list {
    struct tk_hyperv_job *items;
    size_t count;
};
void tk_hyperv_job_list_clear(struct tk_hyperv_job_list *list);
// Those that have not ended. One request, and one more for each of them, or where there is none.
int tk_hyperv_jobs(struct tk_hyperv_job_list *out, struct tk_hyperv *h,
                   const struct tk_limit *limit, struct tk_failure *err);

// ---- settings (hyperv_settings.c)

struct tk_vm_settings {
    const char *stop_action, *start_action;
    const char *recovery_action, *checkpoints;     // NULL: not told
    char *root, *file, *snapshot_root, *version;   // NULL: not told
    uint64_t low_mmio_bytes, high_mmio_bytes;      // 0: not told
    int generation;                                // 0: not told
    bool saved_state, cache_types, dynamic_memory; // the last two where the next two say so
    bool knows_cache_types, knows_dynamic_memory;
};

void tk_vm_settings_clear(struct tk_vm_settings *settings);
int tk_hyperv_settings(struct tk_vm_settings *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const struct tk_limit *limit, struct tk_failure *err);

// What to change; NULL, 0 or -1: leave as it is. Words as in tk_vm_settings.
struct tk_vm_changes {
    const char *stop_action, *start_action, *checkpoints;
    int cache_types;                              // 0, 1; -1: leave
    uint64_t low_mmio_bytes, high_mmio_bytes;     // whole MiB
    const char *root, *snapshot_root, *swap_root; // on planned ones only
};
// Which field of `changes` is wrong, and what it may be; NULL when all are right. Replaces the
// words by static texts, so that they outlive the caller's.
const char *tk_vm_changes_check(struct tk_vm_changes *changes, const char **known);
int tk_hyperv_configure(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                        const struct tk_vm_changes *changes, const struct tk_limit *limit,
                        struct tk_failure *err);

// ---- disks and network adapters (hyperv_parts.c)

struct tk_vm_part {
    char *id;
    char *path;        // of a disk
    const char *kind;  // of a disk: "disk" or "iso"
    char *name;        // of an adapter; NULL: not told
    char *switch_name; // NULL: none or not told
    bool connected, present;
};
struct tk_vm_part_list {
    struct tk_vm_part *items;
    size_t count;
};
void tk_vm_part_list_clear(struct tk_vm_part_list *list);
int tk_hyperv_disks(struct tk_vm_part_list *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                    const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_relink_disk(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                          const char *disk_id, const char *path, const struct tk_limit *limit,
                          struct tk_failure *err);
int tk_hyperv_adapters(struct tk_vm_part_list *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_disconnect_adapter(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                                 const char *adapter_id, const struct tk_limit *limit,
                                 struct tk_failure *err);

// ---- from a file to a registered machine and back (hyperv_import.c)

struct tk_vm_problem {
    char *code; // digits of the message id
    char *message;
    char *source; // NULL: not told
};
struct tk_vm_verdict {
    bool ok;
    struct tk_vm_problem *items;
    size_t count;
};
void tk_vm_verdict_clear(struct tk_vm_verdict *verdict);

// Only id and name of *out are filled. HYPERV_NO_DEFINITION.
int tk_hyperv_definition(struct tk_vm *out, struct tk_hyperv *h, const char *file,
                         const struct tk_limit *limit, struct tk_failure *err);
// snapshots: NULL for the folder beside "Virtual Machines", where the file lies in one.
int tk_hyperv_import(struct tk_vm *out, struct tk_hyperv *h, const char *file,
                     const char *snapshots, const struct tk_limit *limit, struct tk_failure *err);
// 0 also when problems are found.
int tk_hyperv_validate(struct tk_vm_verdict *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_realize(struct tk_vm *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                      const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_discard(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                      const struct tk_limit *limit, struct tk_failure *err);
// Deletes the configuration files that Hyper-V can reach.
int tk_hyperv_unregister(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                         const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_export(struct tk_hyperv *h, const struct tk_vm_ref *vm, const char *directory,
                     bool with_disks, bool subdirectory, const struct tk_limit *limit,
                     struct tk_failure *err);

// ---- power and guest (hyperv_power.c)

int tk_hyperv_start(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                    const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_turn_off(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_clear_saved_state(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                                const struct tk_limit *limit, struct tk_failure *err);
// Returns when the guest has taken the request.
int tk_hyperv_shutdown(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm, bool force,
                       const char *reason, const struct tk_limit *limit, struct tk_failure *err);
// *word: "ok", "degraded", "no contact", "lost", "paused", "error", or "none" without the service.
int tk_hyperv_heartbeat(const char **word, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                        const struct tk_limit *limit, struct tk_failure *err);

struct tk_guest_item {
    char *name, *value;
    bool intrinsic;
};
struct tk_guest_items {
    struct tk_guest_item *items;
    size_t count;
};
void tk_guest_items_clear(struct tk_guest_items *items);
int tk_hyperv_guest_items(struct tk_guest_items *out, struct tk_hyperv *h,
                          const struct tk_vm_ref *vm, const struct tk_limit *limit,
                          struct tk_failure *err);

// ---- devices for assignment (hyperv_device.c, hyperv_assign.c)

struct tk_host_device {
    char *location, *instance;
    char *path;                // full object path of the host's record
    char vendor[5], device[5]; // empty: not told
    bool in_use;
    char vm[TK_GUID_SIZE]; // the machine that has it, as far as the host's records tell
};
struct tk_host_device_list {
    struct tk_host_device *items;
    size_t count;
};
struct tk_assignment {
    char *id;
    char *location, *instance; // NULL: not known
    char vendor[5], device[5]; // empty: not told
    bool present;
    char vm[TK_GUID_SIZE]; // only of tk_hyperv_assignments: whose it is
};
struct tk_assignment_list {
    struct tk_assignment *items;
    size_t count;
};
void tk_host_device_list_clear(struct tk_host_device_list *list);
void tk_assignment_list_clear(struct tk_assignment_list *list);
int tk_hyperv_assignable(struct tk_host_device_list *out, struct tk_hyperv *h,
                         const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_assigned(struct tk_assignment_list *out, struct tk_hyperv *h,
                       const struct tk_vm_ref *vm, const struct tk_limit *limit,
                       struct tk_failure *err);
// Of all machines, in two requests; with the host's list of assignable devices, which the second
// one gives. That a machine holds more devices than are named is for the caller to see.
int tk_hyperv_assignments(struct tk_assignment_list *out, struct tk_host_device_list *devices,
                          struct tk_hyperv *h, const struct tk_limit *limit,
                          struct tk_failure *err);
// instance may be NULL. force: without ACS and without the manufacturer's directives.
int tk_hyperv_dismount(bool *changed, struct tk_hyperv *h, const char *instance,
                       const char *location, bool force, const struct tk_limit *limit,
                       struct tk_failure *err);
int tk_hyperv_mount(bool *changed, struct tk_hyperv *h, const char *instance, const char *location,
                    const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_assign(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                     const char *location, const struct tk_limit *limit, struct tk_failure *err);
int tk_hyperv_unassign(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                       const char *assignment_id, const struct tk_limit *limit,
                       struct tk_failure *err);

// ---- shares of a GPU (hyperv_partition.c)

#define TK_PARTITION_COUNTS 32

// A card of the host that can be shared (Msvm_PartitionableGpu). Amounts of memory are in the
// driver's own unit, bytes where it tells bytes (unverified which do); UINT64_MAX: not told.
struct tk_gpu {
    char *name;     // "\\\\?\\PCI#VEN_...\\GPUPARAV"
    char *instance; // "PCI\\VEN_..." as the name tells it; NULL: it does not
    char *path;     // full object path
    char vendor[5], device[5];
    uint32_t counts[TK_PARTITION_COUNTS]; // into how many parts it can be divided
    size_t count_count;
    uint32_t partitions; // into how many it is
    uint64_t total, available, min, max, optimal;
};
struct tk_gpu_list {
    struct tk_gpu *items;
    size_t count;
};
struct tk_share {
    char *id;
    char *gpu;    // name of the card; NULL: any
    bool present; // false: it names a card that is not there
    uint64_t vram;
};
struct tk_share_list {
    struct tk_share *items;
    size_t count;
};
void tk_gpu_list_clear(struct tk_gpu_list *list);
void tk_share_list_clear(struct tk_share_list *list);
// Empty on a host that does not know the class.
int tk_hyperv_gpus(struct tk_gpu_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                   struct tk_failure *err);
int tk_hyperv_shares(struct tk_share_list *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                     const struct tk_limit *limit, struct tk_failure *err);
// gpu NULL: any card. vram 0: what the card's driver gives. HYPERV_EXISTS where the machine has a
// share of that card with another amount, HYPERV_DEVICE_GONE where there is no such card.
int tk_hyperv_add_share(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                        const char *gpu, uint64_t vram, const struct tk_limit *limit,
                        struct tk_failure *err);
int tk_hyperv_remove_share(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                           const char *share_id, const struct tk_limit *limit,
                           struct tk_failure *err);

#endif
