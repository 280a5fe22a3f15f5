// Jobs of Hyper-V that have not ended, and the machine that each of them is at work on. Whoever
// started a job may be gone: it goes on all the same. Source: Microsoft's reference of
// Msvm_ConcreteJob and Msvm_AffectedJobElement.
#include <string.h>

#include "hyperv_common.h"

// Msvm_ConcreteJob.JobState; 7 and more have ended
static const char *const state_names[] = {
    [2] = "new", [3] = "starting", [4] = "running", [5] = "suspended", [6] = "shutting down",
};
#define FIRST_STATE 2
#define LAST_STATE  6

void tk_hyperv_job_list_clear(struct tk_hyperv_job_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tk_free(list->items[i].id);
        tk_free(list->items[i].name);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

static bool is_vm(const struct tk_cim_object *o)
{
    return tk_same_text(o->class_name, "Msvm_ComputerSystem") ||
           tk_same_text(o->class_name, "Msvm_PlannedComputerSystem");
}

// Jobs of devices affect no machine, or the host, whose name is no GUID: vm stays empty.
static void take_vm(struct tk_hyperv_job *job, const struct tk_cim_list *affected)
{
    for (size_t i = 0; i < affected->count && !job->vm[0]; i++) {
        const char *name = tk_cim_text(affected->items[i], "Name");
        char id[TK_GUID_SIZE];

        if (name && is_vm(affected->items[i]) && tk_guid_parse(name, id)) {
            memcpy(job->vm, id, sizeof id);
        }
    }
}

// The number that so many digits are.
static long number_in(const char *digits, int count)
{
    long number = 0;

    for (int i = 0; i < count; i++) {
        number = number * 10 + (digits[i] - '0');
    }
    return number;
}

// Seconds of an interval in its DMTF form, "ddddddddhhmmss.mmmmmm:000"; -1: not told.
static long seconds_of(const char *interval)
{
    long days;

    if (!interval || strspn(interval, "0123456789") < 14) {
        return -1;
    }
    days = number_in(interval, 8);
    if (days > 10000) {
        return -1;
    }
    return ((days * 24 + number_in(interval + 8, 2)) * 60 + number_in(interval + 10, 2)) * 60 +
           number_in(interval + 12, 2);
}

// 1: taken, 0: the job is gone by now.
static int take_job(struct tk_hyperv_job *job, struct tk_hyperv *h, const struct tk_cim_object *o,
                    const struct tk_limit *limit, struct tk_failure *err)
{
    const char *id = tk_cim_text(o, "InstanceID");
    const char *name = tk_cim_text(o, "Description");
    uint64_t state = tk_cim_uint_or(o, "JobState", 0), type;
    uint64_t percent = tk_cim_uint_or(o, "PercentComplete", 0);
    char *path = tk_hyperv_path(o);
    struct tk_cim_list affected = {0};
    int result = 0;

    if (!id || !path || state < FIRST_STATE || state > LAST_STATE) {
        goto done;
    }
    if (tk_hyperv_query(&affected, h, limit, err,
                        "ASSOCIATORS OF {%s} WHERE AssocClass=Msvm_AffectedJobElement",
                        path) != 0) {
        result = err->code == TK_WMI_NOT_FOUND ? 0 : -1;
        goto done;
    }
    memset(job, 0, sizeof *job);
    take_vm(job, &affected);
    job->id = tk_strdup(id);
    job->name = tk_strdup(name && name[0] ? name : tk_cim_text(o, "Caption"));
    job->state = state_names[state];
    job->type = tk_cim_uint(o, "JobType", &type) && type <= UINT16_MAX ? (int)type : -1;
    job->percent = percent <= 100 ? (int)percent : 100;
    job->age = seconds_of(tk_cim_text(o, "ElapsedTime"));
    result = 1;
done:
    tk_cim_list_free(&affected);
    tk_free(path);
    return result;
}

int tk_hyperv_jobs(struct tk_hyperv_job_list *out, struct tk_hyperv *h,
                   const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list objects = {0};
    int result = tk_hyperv_query(&objects, h, limit, err,
                                 "SELECT * FROM Msvm_ConcreteJob WHERE JobState>=%d AND "
                                 "JobState<=%d",
                                 FIRST_STATE, LAST_STATE);

    memset(out, 0, sizeof *out);
    if (result == 0) {
        out->items = tk_alloc((objects.count + 1) * sizeof *out->items);
    }
    for (size_t i = 0; i < objects.count && result == 0; i++) {
        int taken = take_job(&out->items[out->count], h, objects.items[i], limit, err);

        out->count += taken > 0 ? 1 : 0;
        result = taken < 0 ? -1 : 0;
    }
    if (result == 0 && objects.count == 0) {
        result = tk_hyperv_check_sight(h, "job", limit, err);
    }
    tk_cim_list_free(&objects);
    return result;
}
