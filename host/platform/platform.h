// What differs between operating systems and that libuv does not even out. One header; one file for
// or several for each system (*_posix.c, *_win32.c). Paths are UTF-8. Knows no Lua.
#ifndef TK_PLATFORM_H
#define TK_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

// Separates directories besides the slash; a slash again where nothing else does.
#ifdef _WIN32
#define TK_OTHER_SEPARATOR '\\'
#else
#define TK_OTHER_SEPARATOR '/'
#endif

// Called first in main: the arguments in UTF-8, and a console that shows UTF-8. *argc may change.
char **tk_platform_start(int *argc, char **argv);

// Called before anything else: standard streams that are closed lead to the null device, no core is
// written (it would have the passwords in it), writing to what nobody reads is an error, and an
// abort is said in words.
void tk_platform_prepare(void);
// Whether the limits of this process let it work. False with *why: which limit is too low.
bool tk_platform_has_room(struct tk_buffer *why);

// Number of the signal of that name ("TERM", "KILL", "INT", "STOP", "CONT"); -1 where the system
// has none.
int tk_platform_signal(const char *name);
// The i-th signal besides SIGINT and SIGTERM that asks the program to stop; -1: no more.
int tk_platform_stop_signal(int i);
// Where the system has no signals: `stop` is called, on any thread, when another process asks this
// one to stop through tk_platform_signal_process. NULL: no more calls, also none under way.
void tk_platform_on_stop(void (*stop)(void));
// The local time of `seconds` since 1970 and its distance from UTC.
void tk_platform_local_time(int64_t seconds, struct tm *out, int *utc_offset_minutes);

// What a file is judged by.
enum tk_judge {
    TK_JUDGE_CHANGE,  // nobody but the running user and the administrator may change or replace it
    TK_JUDGE_PRIVATE, // nor read it
    TK_JUDGE_CODE,    // as CHANGE, but whoever may replace the running program may, too
};
// Whether anybody else can change the file, or replace it by way of a directory above it. 0, with
// *why empty when nobody can; -1 where the file cannot be looked at (FS_FAILED, FS_NOT_FOUND).
int tk_platform_unsafe(struct tk_buffer *why, const char *path, enum tk_judge how,
                       struct tk_failure *err);
// Judges and reads what was judged, and nothing else: who exchanges a part of the path meanwhile
// changes nothing. 0, with *why empty and the bytes appended, or with *why and nothing read; -1
// FS_FAILED (also for what is no regular file, or longer), FS_NOT_FOUND.
int tk_platform_read_judged(struct tk_buffer *out, struct tk_buffer *why, const char *path,
                            uint64_t max_bytes, enum tk_judge how, struct tk_failure *err);
// Makes a directory that only the running user may enter (0700), with its parents; one of his that
// is there is closed to others. *why: it belongs to somebody else, or others may exchange it.
int tk_platform_private_directory(struct tk_buffer *why, const char *path, struct tk_failure *err);
// Makes sure that the file is there and only the running user may open it. *why: it is not his.
int tk_platform_private_file(struct tk_buffer *why, const char *path, struct tk_failure *err);
// Gives a new file the permissions that are asked for, as POSIX writes them; elsewhere only this
// counts: 0600 and the like keep everybody out but the running user and the administrators.
int tk_platform_set_mode(const char *path, unsigned mode, struct tk_failure *err);
// `from` takes the place of `to`, which others may be reading, as one step.
int tk_platform_replace(const char *from, const char *to, struct tk_failure *err);
// Lets the virtual machine of that id (a GUID) read and change the file, besides whoever may
// already: Windows grants it to the account NT VIRTUAL MACHINE\ID, S-1-5-83-1-a-b-c-d. 1 changed, 0
// it could before, -1 FS_FAILED (also on systems without such accounts), FS_NOT_FOUND.
int tk_platform_grant_vm(const char *path, const char *id, struct tk_failure *err);
// Makes a rename inside the directory durable; nothing where the system needs no such thing.
int tk_platform_sync_directory(const char *directory, struct tk_failure *err);

// Where our own files are when nothing says otherwise.
const char *tk_platform_state_directory(void);
// Full path of a program: `name` itself where it names a directory, else searched for in PATH and
// then in `also` (may be NULL). False where there is none that can be run.
bool tk_platform_find_program(struct tk_buffer *path, const char *name, const char *also);
// A socket that programs which we start do not inherit; what socket() returns.
uintptr_t tk_platform_socket(int family, int type, int protocol);
// Why the last function on sockets failed; nothing where none did. NULL: forgets it.
void tk_platform_socket_error(struct tk_buffer *why);

// An exclusive lock on a file, which is created where it is missing and never removed, because
// removing it would race with others. Ends with the process. 0 with *lock NULL: somebody has it,
// `holder` is his text.
struct tk_lock;
int tk_platform_lock(struct tk_lock **lock, struct tk_buffer *holder, const char *path,
                     const char *text, struct tk_failure *err);
void tk_platform_unlock(struct tk_lock *lock);

// Tells the system's own log of something that failed: the Event Log of Windows, where the
// installer has registered us as a source. False where there is none.
bool tk_platform_report(const char *text);
// Has the system look for new devices, and does not wait for their drivers. False where that cannot
// be done from here.
bool tk_platform_rescan_devices(void);

// ---- private files and secrets -----------------------------------------------------------------

// Makes a directory that only the running user and administrators may enter; its parents as ever.
// 1 made, 0 it is there already (its permissions stay as they are), -1 FS_FAILED. On Windows: an
// access list of its own, for SYSTEM, Administrators and the owner, which new files inherit.
int tk_platform_make_private_directory(const char *path, struct tk_failure *err);
// Makes a new file that only the running user and administrators may read or change, writes the
// bytes and syncs it: it is never open to others, not even while it is empty. FS_FAILED, also where
// there is such a file already.
int tk_platform_write_private(const char *path, const char *bytes, size_t len,
                              struct tk_failure *err);
// What an administrator does with a file of secrets that others may read.
const char *tk_platform_private_hint(void);
// How files of secrets are encrypted besides their permissions: the word that stands in their
// first line ("dpapi"); NULL where the system has nothing of the kind.
const char *tk_platform_protection(void);
// Encrypts for this computer, so that a copy of the file is worth nothing elsewhere, and decrypts.
// On Windows CryptProtectData with CRYPTPROTECT_LOCAL_MACHINE and CRYPTPROTECT_UI_FORBIDDEN: SYSTEM
// must read what an administrator wrote. Appends to *out. SECRET_UNREADABLE; also where
// tk_platform_protection() is NULL.
int tk_platform_protect(struct tk_buffer *out, const char *bytes, size_t len,
                        struct tk_failure *err);
int tk_platform_unprotect(struct tk_buffer *out, const char *bytes, size_t len,
                          struct tk_failure *err);
// Shows the prompt on the terminal that standard input is, and appends the line typed there, as
// UTF-8 without its end; the terminal does not show it. 0; CANCELLED after Ctrl-C or the end of the
// input, FS_FAILED where standard input is no terminal.
int tk_platform_read_hidden(struct tk_buffer *out, const char *prompt, size_t most,
                            struct tk_failure *err);

// ---- code pages --------------------------------------------------------------------------------

#define TK_CODE_PAGE_SYSTEM 0u // of console programs: GetOEMCP() on Windows, UTF-8 elsewhere
#define TK_CODE_PAGE_UTF8   65001u

bool tk_platform_code_page_known(unsigned code_page);
// Appends UTF-8 text in a code page. A character that it does not have becomes '?', and so does a
// byte that is not UTF-8. An unknown code page leaves the text as it is.
void tk_platform_encode(struct tk_buffer *out, const char *text, size_t len, unsigned code_page);
// The other way: what programs of that code page write, as UTF-8 (U+FFFD for what is not valid).
void tk_platform_decode(struct tk_buffer *out, const char *text, size_t len, unsigned code_page);

// ---- processes ---------------------------------------------------------------------------------

// When the process started, as a number that tells it from a later one with the same id; 0 where
// there is no such process or it cannot be told.
uint64_t tk_platform_process_start(int pid);
// Whether there is a process of that number.
bool tk_platform_process_exists(int pid);
// Sends a signal to the process of that number that started then; a later process of the same
// number never gets it. Where there are no signals, a Takeover is asked to stop and any other
// process is ended. 1 when it was sent, 0 when that process is not there any more; -1
// PROCESS_FAILED.
int tk_platform_signal_process(int pid, uint64_t start, int signal, struct tk_failure *err);

#endif
