// Methods with their jobs. Hyper-V answers most methods with 4096 and a reference to a job, which
// says later how it went and is forgotten some minutes after its end. So a job that cannot be found
// tells nothing, least of all success. Source: Microsoft's reference of Msvm_ConcreteJob.
#include <stdio.h>
#include <string.h>

#include "wmi.h"

#define JOB_STARTED       4096
#define FIRST_WAIT_MS     2 // many have ended by then
#define WAIT_MS           50
#define WAIT_PARTS        20 // a twentieth of the time waited already, but within these limits
#define LONGEST_WAIT_MS   2000
#define POLLS_MAY_FAIL_MS 10000 // in a row, or a quarter of the time: the job goes on meanwhile

enum job_state { // of Msvm_ConcreteJob
    COMPLETED = 7,
    TERMINATED = 8,
    KILLED = 9,
    EXCEPTION = 10,
    WITH_WARNINGS = 32768,
};

struct return_value {
    uint64_t number;
    const char *words;
    bool transient;
    bool maybe_done;
};

// Two lists, of older and of newer methods; the reference names one for each page, but both are
// seen from every method. A state in which something cannot be done is mostly the work of somebody
// else, a backup for instance, and passes: our own verbs have looked at the state before.
static const struct return_value return_values[] = {
    {1, "not supported", false, false},
    {2, "failed", false, false},
    {3, "timeout", true, true},
    {4, "invalid parameter", false, false},
    {5, "invalid state", true, false},
    {6, "incompatible parameters", false, false},
    {4097, "invalid state transition", true, false},
    {4098, "a timeout parameter is not supported", false, false},
    {4099, "busy", true, false},
    {32768, "failed", false, false},
    {32769, "access denied", false, false},
    {32770, "not supported", false, false},
    {32771, "status unknown", false, false},
    {32772, "timeout", true, true},
    {32773, "invalid parameter", false, false},
    {32774, "the system is in use", true, false},
    {32775, "invalid state for this operation", true, false},
    {32776, "incorrect data type", false, false},
    {32777, "the system is not available", true, false},
    {32778, "out of memory", false, false},
    {32779, "file not found or in use", false, false},
};

// Msvm_ShutdownComponent has its own meaning for some.
static const struct return_value shutdown_values[] = {
    {32779, "not found", false, false},
    {32780, "the guest is not ready", true, false},
    {32781, "the guest is locked", false, false},
    {32782, "a shutdown is already in progress", false, false},
};

static const struct return_value *find_value(const struct return_value *list, size_t count,
                                             uint64_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].number == number) {
            return &list[i];
        }
    }
    return NULL;
}

#define FIND(list, number) find_value(list, sizeof(list) / sizeof(list)[0], number)

// Only Hyper-V's classes mean these numbers so.
static const struct return_value *explain(const char *path, uint64_t number)
{
    const struct return_value *found = NULL;

    if (strstr(path, "Msvm_ShutdownComponent")) {
        found = FIND(shutdown_values, number);
    }
    if (!found && strstr(path, "Msvm_")) {
        found = FIND(return_values, number);
    }
    return found;
}

static int method_failed(const char *path, const char *method, uint64_t number,
                         struct tk_failure *err)
{
    const struct return_value *known = explain(path, number);

    tk_fail(err, TK_WMI_METHOD_FAILED, "%.100s returned %llu%s%s%s", method,
            (unsigned long long)number, known ? " (" : "", known ? known->words : "",
            known ? ")" : "");
    err->transient = known && known->transient;
    err->maybe_executed = known && known->maybe_done;
    err->hresult = number <= UINT32_MAX ? (uint32_t)number : 0;
    return tk_fail_target(err, path);
}

// ---- looking at the job

struct job {
    struct tk_wmi *wmi; // of the job's namespace
    const char *method;
    const char *path; // of the job
    char *query;
    struct tk_cim_object *seen; // as it was last
    struct tk_cim_object *out;  // outputs of the method, which the job's results join
};

static int open_job(struct job *job, struct tk_wmi *wmi, struct tk_failure *err)
{
    struct tk_cim_path path = {0};
    const char *id;
    char *quoted;
    int result = -1;

    if (tk_cim_path_parse(&path, job->path, err) != 0) {
        return -1;
    }
    id = tk_cim_text(path.keys, "InstanceID");
    if (!id) {
        tk_fail(err, TK_WMI_BAD_ANSWER, "the job of %.100s has no InstanceID", job->method);
        goto done;
    }
    quoted = tk_wql_quote(id);
    job->query =
        tk_sprintf("SELECT * FROM %s WHERE InstanceID='%s'", path.keys->class_name, quoted);
    tk_free(quoted);
    if (path.name_space) {
        result = tk_wmi_namespace(&job->wmi, wmi, path.name_space, err);
    } else {
        job->wmi = tk_wmi_share(wmi);
        result = 0;
    }
done:
    tk_cim_path_free(&path);
    return result;
}

static void close_job(struct job *job)
{
    tk_wmi_close(job->wmi);
    tk_free(job->query);
    tk_cim_free(job->seen);
}

static int job_timeout(const struct job *job, struct tk_failure *err)
{
    uint64_t percent = tk_cim_uint_or(job->seen, "PercentComplete", 0);

    if (tk_cancel_get()) {
        tk_fail(err, TK_CANCELLED, "the run was asked to stop while the job of %.100s was running",
                job->method);
    } else {
        tk_fail(err, TK_WMI_JOB_TIMEOUT,
                "the job of %.100s did not end in time (state %llu, %llu%%)", job->method,
                (unsigned long long)tk_cim_uint_or(job->seen, "JobState", 0),
                (unsigned long long)percent);
    }
    err->maybe_executed = true;
    tk_fail_hint(err, "it may still end by itself: look before trying again; a job that hangs ends "
                      "with the service (Restart-Service vmms), and running machines go on");
    return tk_fail_target(err, job->path);
}

static int job_lost(const struct job *job, struct tk_failure *err)
{
    tk_fail(err, TK_WMI_JOB_LOST,
            "the job of %.100s is no longer there, so its result is not known", job->method);
    err->maybe_executed = true;
    return tk_fail_target(err, job->path);
}

// 0: job->seen is fresh.
static int poll_once(struct job *job, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list list = {0};

    if (tk_wmi_query(&list, job->wmi, job->query, limit, err) != 0) {
        return -1;
    }
    if (list.count == 0) {
        return job_lost(job, err);
    }
    tk_cim_free(job->seen);
    job->seen = list.items[0];
    list.items[0] = NULL;
    tk_cim_list_free(&list);
    return 0;
}

static bool has_ended(uint64_t state)
{
    return state == COMPLETED || state == TERMINATED || state == KILLED || state == EXCEPTION ||
           state == WITH_WARNINGS;
}

static int64_t next_wait_ms(int64_t began_ms)
{
    int64_t share_ms = (tk_now_ms() - began_ms) / WAIT_PARTS;

    return share_ms < WAIT_MS ? WAIT_MS : share_ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : share_ms;
}

// Asks until the job has ended: often at first, less often later.
static int wait_for_end(struct job *job, const struct tk_limit *limit, struct tk_failure *err)
{
    int64_t wait_ms = FIRST_WAIT_MS, began_ms = tk_now_ms(), answered_ms = began_ms;
    int64_t patience_ms = tk_limit_left_ms(limit) / 4;

    if (patience_ms > POLLS_MAY_FAIL_MS) {
        patience_ms = POLLS_MAY_FAIL_MS;
    }

    while (tk_limit_sleep(limit, wait_ms)) {
        if (poll_once(job, limit, err) == 0) {
            answered_ms = tk_now_ms();
            if (has_ended(tk_cim_uint_or(job->seen, "JobState", 0))) {
                return 0;
            }
        } else if (tk_limit_left_ms(limit) == 0) {
            break;
        } else if (!err->transient || tk_now_ms() - answered_ms >= patience_ms) {
            err->maybe_executed = true;
            return -1;
        }
        wait_ms = next_wait_ms(began_ms);
    }
    return job_timeout(job, err);
}

// ---- what the job says about its errors

static void add_error(struct job *job, const char *xml)
{
    struct tk_cim_object *error;
    struct tk_failure ignored;

    if (tk_cim_from_xml(&error, xml, strlen(xml), &ignored) != 0) {
        error = tk_cim_new("Msvm_Error"); // not CIM-XML: the text itself is better than nothing
        tk_cim_set(error, "Message", TK_CIM_STRING, xml);
    }
    tk_cim_add_instance(job->out, "JobErrors", error);
}

// The texts of GetErrorEx. The job may be gone by now; then its own description must do.
static void collect_errors(struct job *job, const struct tk_limit *limit)
{
    struct tk_cim_object *answer = NULL;
    struct tk_failure ignored;

    if (tk_wmi_call(&answer, job->wmi, job->path, "GetErrorEx", NULL, limit, &ignored) == 0) {
        for (size_t i = 0; i < tk_cim_count(answer, "Errors"); i++) {
            const char *xml = tk_cim_text_at(answer, "Errors", i);
            const struct tk_cim_object *nested = tk_cim_object_at(answer, "Errors", i);

            if (nested) {
                tk_cim_add_instance(job->out, "JobErrors", tk_cim_copy(nested));
            } else if (xml && *xml) {
                add_error(job, xml);
            }
        }
    }
    tk_cim_free(answer);
}

static void keep(struct job *job, const char *from, const char *to, enum tk_cim_type type)
{
    const char *text = tk_cim_text(job->seen, from);

    if (text) {
        tk_cim_set(job->out, to, type, text);
    }
}

static void join_texts(const struct job *job, struct tk_buffer *b)
{
    for (size_t i = 0; i < tk_cim_count(job->out, "JobErrors"); i++) {
        const char *text = tk_cim_text(tk_cim_object_at(job->out, "JobErrors", i), "Message");

        if (text && *text) {
            tk_buffer_printf(b, "%s%s", b->len ? "; " : "", text);
        }
    }
    if (b->len == 0) {
        const char *text = tk_cim_text(job->seen, "ErrorDescription");

        if (!text || !*text) {
            text = tk_cim_text(job->seen, "ErrorSummaryDescription");
        }
        tk_buffer_puts(b, text && *text ? text : "the job tells no reason");
    }
    for (char *p = b->text; *p; p++) {
        if (*p == '\n' || *p == '\r' || *p == '\t') {
            *p = ' ';
        }
    }
    while (b->len > 0 && strchr(" .", b->text[b->len - 1])) {
        b->text[--b->len] = '\0';
    }
}

static int judge(struct job *job, const struct tk_limit *limit, struct tk_failure *err)
{
    uint64_t state = tk_cim_uint_or(job->seen, "JobState", 0);
    uint64_t code = tk_cim_uint_or(job->seen, "ErrorCode", 0);
    const struct return_value *known = FIND(return_values, code);
    struct tk_buffer texts = {0};

    keep(job, "JobState", "JobState", TK_CIM_UINT16);
    keep(job, "ErrorCode", "JobErrorCode", TK_CIM_UINT16);
    keep(job, "ErrorDescription", "JobErrorDescription", TK_CIM_STRING);
    if (state == COMPLETED) {
        return 0;
    }
    collect_errors(job, limit);
    if (state == WITH_WARNINGS) {
        return 0;
    }
    join_texts(job, &texts);
    tk_fail(err, TK_WMI_JOB_FAILED, "the job of %.100s %s: %.400s", job->method,
            state == EXCEPTION ? "failed" : "was stopped", texts.text);
    tk_buffer_free(&texts);
    err->hresult = (uint32_t)code;
    err->transient = known && known->transient;
    return tk_fail_target(err, job->path);
}

static int follow(struct tk_wmi *wmi, const char *path, const char *method,
                  struct tk_cim_object *out, const struct tk_limit *limit, struct tk_failure *err)
{
    struct job job = {.method = method, .path = tk_cim_text(out, "Job"), .out = out};
    int result;

    if (!job.path) {
        tk_fail(err, TK_WMI_JOB_LOST, "%.100s started a job and did not say which", method);
        err->maybe_executed = true;
        return tk_fail_target(err, path);
    }
    result = open_job(&job, wmi, err);
    if (result != 0) {
        err->maybe_executed = true;
    } else {
        result = wait_for_end(&job, limit, err);
    }
    if (result == 0) {
        result = judge(&job, limit, err);
    }
    close_job(&job);
    return result;
}

int tk_wmi_run(struct tk_cim_object **out, struct tk_wmi *wmi, const char *path, const char *method,
               const struct tk_cim_object *in, const struct tk_limit *limit, struct tk_failure *err)
{
    uint64_t number;

    if (tk_wmi_call(out, wmi, path, method, in, limit, err) != 0) {
        return -1;
    }
    if (!tk_cim_uint(*out, "ReturnValue", &number)) {
        tk_fail(err, TK_WMI_BAD_ANSWER, "the answer to %.100s has no ReturnValue", method);
        err->maybe_executed = true;
        return tk_fail_target(err, path);
    }
    if (number == JOB_STARTED) {
        return follow(wmi, path, method, *out, limit, err);
    }
    return number == 0 ? 0 : method_failed(path, method, number, err);
}
