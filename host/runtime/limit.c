// Time limits: see limit.h. libuv gives the monotonic clock, the mutex and the condition.
#include "limit.h"

#include <uv.h>

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock;
static uv_cond_t changed;
static bool cancelled;

static void init(void)
{
    uv_mutex_init(&lock);
    uv_cond_init(&changed);
}

int64_t tk_now_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

struct tk_limit tk_limit_in(int64_t timeout_ms)
{
    return (struct tk_limit){tk_now_ms() + timeout_ms};
}

int64_t tk_limit_left_ms(const struct tk_limit *limit)
{
    int64_t left = limit->deadline_ms - tk_now_ms();
    return left > 0 ? left : 0;
}

struct tk_limit tk_limit_sooner(const struct tk_limit *limit, int64_t timeout_ms)
{
    struct tk_limit other = tk_limit_in(timeout_ms);
    return other.deadline_ms < limit->deadline_ms ? other : *limit;
}

bool tk_limit_sleep(const struct tk_limit *limit, int64_t ms)
{
    struct tk_limit until = tk_limit_sooner(limit, ms);
    bool stop;

    uv_once(&once, init);
    uv_mutex_lock(&lock);
    while (!cancelled && tk_limit_left_ms(&until) > 0) {
        uv_cond_timedwait(&changed, &lock, (uint64_t)tk_limit_left_ms(&until) * 1000000);
    }
    stop = cancelled;
    uv_mutex_unlock(&lock);
    return !stop && tk_limit_left_ms(limit) > 0;
}

void tk_cancel_set(bool value)
{
    uv_once(&once, init);
    uv_mutex_lock(&lock);
    cancelled = value;
    uv_cond_broadcast(&changed);
    uv_mutex_unlock(&lock);
}

bool tk_cancel_get(void)
{
    bool value;

    uv_once(&once, init);
    uv_mutex_lock(&lock);
    value = cancelled;
    uv_mutex_unlock(&lock);
    return value;
}
