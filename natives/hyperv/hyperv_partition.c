// Shares of a GPU (Hyper-V GPU partitioning): the host keeps the card and its driver, and a machine
// gets a part of it. Classes and properties: Microsoft's reference of Msvm_PartitionableGpu and
// Msvm_GpuPartitionSettingData (docs/facts/hyperv-wmi.md#2.3). That Name is the key of
// Msvm_PartitionableGpu is not verified, so its path is taken as told where the transport tells it.
#include <stdlib.h>
#include <string.h>

#include "hyperv_common.h"
#include "pnp/pnp.h"

#define SETTING "Msvm_GpuPartitionSettingData"

void tk_gpu_list_clear(struct tk_gpu_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tk_free(list->items[i].name);
        tk_free(list->items[i].instance);
        tk_free(list->items[i].path);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

void tk_share_list_clear(struct tk_share_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tk_free(list->items[i].id);
        tk_free(list->items[i].gpu);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

// ---- looking

// "\\?\PCI#VEN_10DE&...#4&1a2b#{guid}\GPUPARAV" -> "PCI\VEN_10DE&...\4&1a2b"
static char *instance_of(const char *name)
{
    const char *begin = strncmp(name, "\\\\?\\", 4) == 0 ? name + 4 : name;
    const char *end = strstr(begin, "#{");
    char *instance;

    if (!end) {
        return NULL;
    }
    instance = tk_sprintf("%.*s", (int)(end - begin), begin);
    for (char *c = instance; *c; c++) {
        if (*c == '#') {
            *c = '\\';
        }
    }
    return instance;
}

static void take_counts(struct tk_gpu *gpu, const struct tk_cim_object *o)
{
    size_t count = tk_cim_count(o, "ValidPartitionCounts");

    for (size_t i = 0; i < count && gpu->count_count < TK_PARTITION_COUNTS; i++) {
        const char *text = tk_cim_text_at(o, "ValidPartitionCounts", i);
        unsigned long number = text ? strtoul(text, NULL, 10) : 0;

        if (number > 0 && number <= UINT16_MAX) {
            gpu->counts[gpu->count_count++] = (uint32_t)number;
        }
    }
}

static void take_gpu(struct tk_gpu_list *out, const struct tk_cim_object *o)
{
    const char *name = tk_cim_text(o, "Name");
    struct tk_gpu *gpu;

    if (!name) {
        return;
    }
    gpu = &out->items[out->count++];
    memset(gpu, 0, sizeof *gpu);
    gpu->name = tk_strdup(name);
    gpu->instance = instance_of(name);
    gpu->path = tk_hyperv_full_path(o);
    tk_pci_ids(name, gpu->vendor, gpu->device);
    take_counts(gpu, o);
    gpu->partitions = (uint32_t)(tk_cim_uint_or(o, "PartitionCount", 0) & UINT16_MAX);
    gpu->total = tk_cim_uint_or(o, "TotalVRAM", UINT64_MAX);
    gpu->available = tk_cim_uint_or(o, "AvailableVRAM", UINT64_MAX);
    gpu->min = tk_cim_uint_or(o, "MinPartitionVRAM", UINT64_MAX);
    gpu->max = tk_cim_uint_or(o, "MaxPartitionVRAM", UINT64_MAX);
    gpu->optimal = tk_cim_uint_or(o, "OptimalPartitionVRAM", UINT64_MAX);
}

int tk_hyperv_gpus(struct tk_gpu_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                   struct tk_failure *err)
{
    struct tk_cim_list objects = {0};
    int result = tk_hyperv_query(&objects, h, limit, err, "SELECT * FROM Msvm_PartitionableGpu");

    memset(out, 0, sizeof *out);
    if (result != 0 && tk_hyperv_has(err, 0x80041010U)) { // no such class: an older host
        result = 0;
    }
    out->items = tk_alloc((objects.count + 1) * sizeof *out->items);
    for (size_t i = 0; i < objects.count; i++) {
        take_gpu(out, objects.items[i]);
    }
    tk_cim_list_free(&objects);
    return result;
}

static const struct tk_gpu *gpu_of_path(const struct tk_gpu_list *gpus, const char *path)
{
    for (size_t i = 0; i < gpus->count; i++) {
        if (gpus->items[i].path && tk_cim_path_same(gpus->items[i].path, path)) {
            return &gpus->items[i];
        }
    }
    return NULL;
}

static void take_share(struct tk_share_list *out, const struct tk_cim_object *o,
                       const struct tk_gpu_list *gpus)
{
    const char *path = tk_cim_text(o, "HostResource"), *id = tk_cim_text(o, "InstanceID");
    const struct tk_gpu *gpu = path && *path ? gpu_of_path(gpus, path) : NULL;
    struct tk_share *share;

    if (!id) {
        return;
    }
    share = &out->items[out->count++];
    memset(share, 0, sizeof *share);
    share->id = tk_strdup(id);
    share->present = gpu || !path || !*path;
    share->gpu = gpu ? tk_strdup(gpu->name) : path && *path ? tk_hyperv_key(path, "Name") : NULL;
    share->vram = tk_cim_uint_or(o, "OptimalPartitionVRAM", UINT64_MAX);
}

int tk_hyperv_shares(struct tk_share_list *out, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                     const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list settings = {0};
    struct tk_gpu_list gpus = {0};
    int result = -1;

    memset(out, 0, sizeof *out);
    if (tk_hyperv_query(&settings, h, limit, err,
                        "SELECT * FROM " SETTING " WHERE InstanceID LIKE 'Microsoft:%s%%'",
                        vm->id) != 0 &&
        !tk_hyperv_has(err, 0x80041010U)) {
        goto done;
    }
    if (settings.count > 0 ? tk_hyperv_gpus(&gpus, h, limit, err) != 0
                           : tk_hyperv_check_exists(h, vm, limit, err) != 0) {
        goto done;
    }
    out->items = tk_alloc((settings.count + 1) * sizeof *out->items);
    for (size_t i = 0; i < settings.count; i++) {
        take_share(out, settings.items[i], &gpus);
    }
    result = 0;
done:
    tk_cim_list_free(&settings);
    tk_gpu_list_clear(&gpus);
    return result;
}

// ---- changing

// The share that the machine has of this card (NULL: of any, by no name); NULL: none.
static const struct tk_share *share_of(const struct tk_share_list *list, const char *gpu)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i].gpu;

        if (gpu ? tk_same_text(name, gpu) : !name) {
            return &list->items[i];
        }
    }
    return NULL;
}

static int add_setting(struct tk_hyperv *h, const struct tk_vm_ref *vm, const struct tk_gpu *gpu,
                       uint64_t vram, const struct tk_limit *limit, struct tk_failure *err)
{
    static const char *const amounts[] = {"MinPartitionVRAM", "MaxPartitionVRAM",
                                          "OptimalPartitionVRAM"};
    struct tk_cim_object *setting;

    if (tk_hyperv_template(&setting, h, SETTING, limit, err) != 0) {
        return -1;
    }
    if (gpu && gpu->path) {
        tk_cim_set_array(setting, "HostResource", TK_CIM_STRING);
        tk_cim_add(setting, "HostResource", TK_CIM_STRING, gpu->path);
    }
    for (size_t i = 0; i < 3 && vram > 0; i++) {
        tk_cim_set_uint(setting, amounts[i], TK_CIM_UINT64, vram);
    }
    return tk_hyperv_add_setting(h, vm, setting, limit, err);
}

static const struct tk_gpu *gpu_of_name(const struct tk_gpu_list *gpus, const char *name)
{
    for (size_t i = 0; i < gpus->count; i++) {
        if (tk_same_text(gpus->items[i].name, name)) {
            return &gpus->items[i];
        }
    }
    return NULL;
}

int tk_hyperv_add_share(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                        const char *gpu, uint64_t vram, const struct tk_limit *limit,
                        struct tk_failure *err)
{
    struct tk_share_list shares = {0};
    struct tk_gpu_list gpus = {0};
    const struct tk_share *share;
    const struct tk_gpu *card = NULL;
    int result = -1;

    *changed = false;
    if (tk_hyperv_shares(&shares, h, vm, limit, err) != 0) {
        goto done;
    }
    share = share_of(&shares, gpu);
    if (share && share->vram != vram) {
        tk_fail(err, TK_HYPERV_EXISTS, "it has a share of this GPU already, of another size");
        tk_fail_target(err, vm->id);
        tk_fail_hint(err, "remove that one first");
        goto done;
    }
    if (share) {
        result = 0;
        goto done;
    }
    if (tk_hyperv_check_off(h, vm, limit, err) != 0 ||
        (gpu && tk_hyperv_gpus(&gpus, h, limit, err) != 0)) {
        goto done;
    }
    card = gpu ? gpu_of_name(&gpus, gpu) : NULL;
    if (gpu && !card) {
        tk_fail(err, TK_HYPERV_DEVICE_GONE, "this host has no such partitionable GPU");
        tk_fail_target(err, gpu);
        goto done;
    }
    result = add_setting(h, vm, card, vram, limit, err);
    *changed = result == 0;
done:
    tk_share_list_clear(&shares);
    tk_gpu_list_clear(&gpus);
    return result;
}

int tk_hyperv_remove_share(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                           const char *share_id, const struct tk_limit *limit,
                           struct tk_failure *err)
{
    struct tk_share_list shares = {0};
    bool there = false;
    int result = tk_hyperv_shares(&shares, h, vm, limit, err);

    *changed = false;
    for (size_t i = 0; result == 0 && i < shares.count; i++) {
        there = there || tk_same_text(shares.items[i].id, share_id);
    }
    if (there) {
        result = tk_hyperv_remove_setting(changed, h, vm, SETTING, share_id, limit, err);
    }
    tk_share_list_clear(&shares);
    return result;
}
