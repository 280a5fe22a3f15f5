// What differs between operating systems and that libuv does not even out. One header; one file for
// each system (platform_posix.c). Paths are UTF-8. Knows no Lua.
#ifndef TK_PLATFORM_H
#define TK_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "failure.h"
#include "memory.h"

// Separates directories besides the slash; a slash again where nothing else does.
#ifdef _WIN32
#define TK_OTHER_SEPARATOR '\\'
#else
#define TK_OTHER_SEPARATOR '/'
#endif

// Number of the signal of that name ("TERM", "KILL", "INT", "STOP", "CONT"); -1 where the system
// has none.
int tk_platform_signal(const char *name);
// The local time of `seconds` since 1970 and its distance from UTC.
void tk_platform_local_time(int64_t seconds, struct tm *out, int *utc_offset_minutes);

// Whether anybody but the running user and the administrator can change the file, or replace it by
// way of a directory above it. 0, with *why empty when nobody can; -1 where the file cannot be
// looked at (FS_FAILED, FS_NOT_FOUND).
int tk_platform_unsafe(struct tk_buffer *why, const char *path, struct tk_failure *err);
// The same for reading the file, its own permissions only.
int tk_platform_readable_by_others(struct tk_buffer *why, const char *path, struct tk_failure *err);
// Makes a rename inside the directory durable; nothing where the system needs no such thing.
int tk_platform_sync_directory(const char *directory, struct tk_failure *err);

// Where our own files are when nothing says otherwise.
const char *tk_platform_state_directory(void);
// Full path of a program: `name` itself where it names a directory, else searched for in PATH and
// then in `also` (may be NULL). False where there is none that can be run.
bool tk_platform_find_program(struct tk_buffer *path, const char *name, const char *also);

// An exclusive lock on a file, which is created where it is missing and never removed, because
// removing it would race with others. Ends with the process. 0 with *lock NULL: somebody has it,
// `holder` is his text.
struct tk_lock;
int tk_platform_lock(struct tk_lock **lock, struct tk_buffer *holder, const char *path,
                     const char *text, struct tk_failure *err);
void tk_platform_unlock(struct tk_lock *lock);

// When the process started, as a number that tells it from a later one with the same id; 0 where
// there is no such process or it cannot be told.
uint64_t tk_platform_process_start(int pid);
// Whether there is a process of that number.
bool tk_platform_process_exists(int pid);
// Sends a signal to the process of that number that started then; a later process of the same
// number never gets it. 1 when it was sent, 0 when that process is not there any more;
// -1 PROCESS_FAILED.
int tk_platform_signal_process(int pid, uint64_t start, int signal, struct tk_failure *err);

#endif
