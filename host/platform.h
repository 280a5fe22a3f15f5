// What differs between operating systems and that libuv does not even out. One header; one file for
// each system (platform_posix.c). Paths are UTF-8. Knows no Lua.
#ifndef TK_PLATFORM_H
#define TK_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "failure.h"

// Number of the signal of that name ("TERM", "KILL", "INT", "STOP", "CONT"); -1 where the system
// has none.
int tk_platform_signal(const char *name);
// The local time of `seconds` since 1970 and its distance from UTC.
void tk_platform_local_time(int64_t seconds, struct tm *out, int *utc_offset_minutes);

#endif
