// Threads for blocking work. libuv's own pool has a fixed number of them, and a host that is silent
// holds one for as long as connecting may take: then other work would not begin. Here a thread is
// made when none is idle, and kept; a run that never waits for two things has one.
#ifndef TK_POOL_H
#define TK_POOL_H

#include <stdbool.h>

struct tk_pool_work {
    void (*run)(struct tk_pool_work *work);  // on a thread of the pool
    void (*done)(struct tk_pool_work *work); // afterwards, on the loop's thread
    struct tk_pool_work *next;               // the pool's own
};

// All of these are for the loop's thread. `work` stays the caller's and must live until `done`.
// False: there is no thread and none can be made.
bool tk_pool_submit(struct tk_pool_work *work);
// Works that are not done.
int tk_pool_busy(void);
// Ends the threads. Nothing may be under way.
void tk_pool_close(void);

#endif
