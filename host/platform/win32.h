// Helpers of the files *_win32.c, which alone know UTF-16 and error numbers of Windows.
#ifndef TK_WIN32_H
#define TK_WIN32_H

#include <stdbool.h>
#include <windows.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

// UTF-8 to UTF-16 and back; bytes that are no text become U+FFFD. Freed by the caller.
wchar_t *tk_wide(const char *text);
char *tk_narrow(const wchar_t *text);
// A path as the wide functions want it: absolute, and with \\?\ where it is long. Freed by the
// caller.
wchar_t *tk_wide_path(const char *path);

// Adds the system's own words for an error number of Windows, and the number.
void tk_win32_say(struct tk_buffer *out, DWORD error);
// "PATH cannot be WHAT: ...". FS_NOT_FOUND or FS_FAILED. Always -1.
int tk_win32_failed(struct tk_failure *err, DWORD error, const char *path, const char *what);

// An access list for the running user, SYSTEM and the administrators alone, which inherits nothing;
// `inherited`: what is made in the directory gets it, too. LocalFree by the caller; NULL with
// GetLastError.
PSECURITY_DESCRIPTOR tk_win32_private(bool inherited);

#endif
