#ifndef TK_SHUTDOWN_H
#define TK_SHUTDOWN_H

#include <stdbool.h>

// Waits a moment for work on the pool. False: some is still running, so its memory must not be
// freed.
bool tk_loop_drain(void);
// After lua_close: closes what is left on the loop.
void tk_loop_close(void);

#endif
