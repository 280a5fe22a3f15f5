// The threads on which COM runs: see wmi_com.h. Every thread joins the multithreaded apartment and
// stays in it while it lives; it waits some time for more work before it ends, so that a sequence
// makes few of them. One thread more than is busy is never needed: a call that hangs keeps its own.
#include "wmi_com.h"

#include <objbase.h>

#define IDLE_MS     30000
#define GRACE_MS    300 // the work sees its own deadline first
#define LOOK_MS     100 // for cancel, while the work goes on
#define MAX_THREADS 64

struct worker {
    struct worker *next;
    struct tk_com_work *work;
    CONDITION_VARIABLE wake;
};

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE ended = CONDITION_VARIABLE_INIT;
static struct worker *idle;
static int threads;

// RPC_E_TOO_LATE: somebody in the process has said it before; the blankets count then.
static void secure_process(void)
{
    static LONG done;

    if (InterlockedExchange(&done, 1) == 0) {
        CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                             RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    }
}

static void leave_idle(struct worker *self)
{
    for (struct worker **at = &idle; *at; at = &(*at)->next) {
        if (*at == self) {
            *at = self->next;
            return;
        }
    }
}

// With the lock held. False: nothing came for a long time.
static bool wait_for_work(struct worker *self)
{
    self->next = idle;
    idle = self;
    while (!self->work) {
        if (!SleepConditionVariableSRW(&self->wake, &lock, IDLE_MS, 0) && !self->work) {
            leave_idle(self);
            return false;
        }
    }
    return true;
}

static void do_work(struct worker *self)
{
    struct tk_com_work *work = self->work;
    bool left;
    int result;

    self->work = NULL;
    ReleaseSRWLockExclusive(&lock);
    result = work->run(work);
    AcquireSRWLockExclusive(&lock);
    work->result = result;
    work->done = true;
    left = work->left;
    WakeAllConditionVariable(&ended);
    if (left) {
        ReleaseSRWLockExclusive(&lock);
        work->release(work);
        AcquireSRWLockExclusive(&lock);
    }
}

static DWORD WINAPI worker_main(void *argument)
{
    struct worker *self = argument;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);

    secure_process();
    AcquireSRWLockExclusive(&lock);
    do {
        do_work(self);
    } while (wait_for_work(self));
    threads--;
    ReleaseSRWLockExclusive(&lock);
    if (SUCCEEDED(hr)) {
        CoUninitialize();
    }
    tk_free(self);
    return 0;
}

// With the lock held.
static bool hand_over(struct tk_com_work *work)
{
    struct worker *w = idle;
    HANDLE thread;

    if (w) {
        idle = w->next;
        w->work = work;
        WakeConditionVariable(&w->wake);
        return true;
    }
    if (threads >= MAX_THREADS) {
        return false;
    }
    w = tk_alloc(sizeof *w);
    w->work = work;
    InitializeConditionVariable(&w->wake);
    thread = CreateThread(NULL, 0, worker_main, w, 0, NULL);
    if (!thread) {
        tk_free(w);
        return false;
    }
    CloseHandle(thread);
    threads++;
    return true;
}

static int left_behind(const struct tk_com_work *work, bool cancelled, struct tk_failure *err)
{
    if (cancelled) {
        return tk_fail(err, TK_CANCELLED, "the run was asked to stop");
    }
    tk_fail(err, TK_WMI_TIMEOUT, "WMI on %.100s did not answer in time (%s)", work->host,
            work->step_name);
    err->maybe_executed = work->step_executes;
    if (work->step_executes) {
        return tk_fail_hint(err, "the method may still be running: look before trying again");
    }
    return tk_fail_hint(err, "is the service Windows Management Instrumentation (winmgmt) stuck");
}

// With the lock held.
static bool must_leave(const struct tk_com_work *work, int64_t *cancelled_at, bool *cancelled)
{
    if (work->reads && tk_cancel_get()) {
        if (*cancelled_at == 0) {
            *cancelled_at = tk_now_ms();
        }
        *cancelled = tk_now_ms() - *cancelled_at > GRACE_MS;
    }
    return *cancelled || tk_now_ms() > work->step.deadline_ms + GRACE_MS;
}

int tk_com_run(struct tk_com_work *work, bool *left, struct tk_failure *err)
{
    int64_t cancelled_at = 0;
    bool cancelled = false;
    int result = -1;

    *left = false;
    work->step = work->limit;
    work->step_name = "starting";
    AcquireSRWLockExclusive(&lock);
    if (!hand_over(work)) {
        ReleaseSRWLockExclusive(&lock);
        return tk_fail(err, TK_WMI_UNREACHABLE, "%d calls to WMI hang already: no more are begun",
                       MAX_THREADS);
    }
    while (!work->done && !work->left) {
        SleepConditionVariableSRW(&ended, &lock, LOOK_MS, 0);
        if (!work->done && must_leave(work, &cancelled_at, &cancelled)) {
            left_behind(work, cancelled, err);
            work->left = true;
        }
    }
    *left = work->left;
    result = work->left ? -1 : work->result;
    ReleaseSRWLockExclusive(&lock);
    if (!*left && result != 0) {
        *err = work->err;
    }
    return result;
}

void tk_com_step(struct tk_com_work *work, const char *name, int64_t at_most_ms, bool executes)
{
    AcquireSRWLockExclusive(&lock);
    work->step = tk_limit_sooner(&work->limit, at_most_ms);
    work->step_name = name;
    work->step_executes = executes;
    ReleaseSRWLockExclusive(&lock);
}

bool tk_com_may_wait(struct tk_com_work *work)
{
    bool cancelled = work->reads && tk_cancel_get();

    if (!cancelled && tk_limit_left_ms(&work->step) > 0) {
        return true;
    }
    left_behind(work, cancelled, &work->err);
    return false;
}

LONG tk_com_slice(const struct tk_com_work *work)
{
    int64_t left = tk_limit_left_ms(&work->step);

    return left > TK_COM_SLICE_MS ? TK_COM_SLICE_MS : (LONG)left;
}
