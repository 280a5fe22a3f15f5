// Time limits of blocking work. Every wait in a back end takes one of these; none waits without.
#ifndef TK_LIMIT_H
#define TK_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct tk_limit {
    int64_t deadline_ms; // on the clock of tk_now_ms()
};

// Milliseconds on a monotonic clock.
int64_t tk_now_ms(void);
struct tk_limit tk_limit_in(int64_t timeout_ms);
// Milliseconds left, never negative.
int64_t tk_limit_left_ms(const struct tk_limit *limit);
// The sooner of `limit` and timeout_ms from now.
struct tk_limit tk_limit_sooner(const struct tk_limit *limit, int64_t timeout_ms);
// Sleeps the calling (pool) thread. False when the limit is reached or the run is cancelled: stop
// waiting.
bool tk_limit_sleep(const struct tk_limit *limit, int64_t ms);

// Cancel (SIGINT, SIGTERM): wakes every tk_limit_sleep. A request that is already on the wire is
// not cut off, because that would leave its effect unknown; waits between requests end.
void tk_cancel_set(bool cancelled);
bool tk_cancel_get(void);

#endif
