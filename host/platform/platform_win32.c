// See platform.h: Windows Server 2022 and its relatives. Places, files and locks; the rest is in
// the other files *_win32.c.
#include "platform.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>

#include "win32.h"

#define HOLDER_MAX 1024
#define LONG_PATH  240 // from here on a path gets the prefix that lifts the limit of 260

#define REPLACE_TRIES    20
#define REPLACE_PAUSE_MS 25

// FILE_RENAME_INFO with its flags, and FileRenameInfoEx: not in every compiler's headers.
#define RENAME_INFO_EX 22
#define RENAME_REPLACE 1
#define RENAME_POSIX   2
struct rename_info {
    DWORD flags;
    HANDLE root;
    DWORD name_bytes;
    wchar_t name[1];
};

// ---- helpers ------------------------------------------------------------------------------------

// GetFullPathNameW makes it absolute and turns every slash; the prefix wants both.
wchar_t *tk_wide_path(const char *path)
{
    wchar_t *wide = tk_wide(path), *full, *prefixed;
    DWORD len = GetFullPathNameW(wide, 0, NULL, NULL);
    bool share;

    if (len < LONG_PATH || wcsncmp(wide, L"\\\\?\\", 4) == 0) {
        return wide;
    }
    full = tk_alloc((len + 1) * sizeof *full);
    GetFullPathNameW(wide, len, full, NULL);
    tk_free(wide);
    share = wcsncmp(full, L"\\\\", 2) == 0;
    prefixed = tk_alloc((len + 9) * sizeof *prefixed);
    wcscpy(prefixed, share ? L"\\\\?\\UNC\\" : L"\\\\?\\");
    wcscat(prefixed, full + (share ? 2 : 0));
    tk_free(full);
    return prefixed;
}

int tk_win32_failed(struct tk_failure *err, DWORD error, const char *path, const char *what)
{
    bool missing = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND ||
                   error == ERROR_INVALID_NAME || error == ERROR_BAD_NETPATH;
    struct tk_buffer words = {0};

    tk_win32_say(&words, error);
    tk_fail(err, missing ? TK_FS_NOT_FOUND : TK_FS_FAILED, "%s cannot be %s: %s", path, what,
            words.text);
    tk_buffer_free(&words);
    return tk_fail_target(err, path);
}

// ---- time ---------------------------------------------------------------------------------------

void tk_platform_local_time(int64_t seconds, struct tm *out, int *utc_offset_minutes)
{
    time_t t = (time_t)seconds;

    if (localtime_s(out, &t) != 0) {
        memset(out, 0, sizeof *out);
        *utc_offset_minutes = 0;
        return;
    }
    {
        struct tm copy = *out; // _mkgmtime takes the local time for UTC: the difference is the zone

        *utc_offset_minutes = (int)((_mkgmtime(&copy) - t) / 60);
    }
}

// ---- places -------------------------------------------------------------------------------------

const char *tk_platform_state_directory(void)
{
    static char directory[MAX_PATH * 3];
    wchar_t root[MAX_PATH];

    if (directory[0] == '\0') {
        DWORD len = GetEnvironmentVariableW(L"ProgramData", root, MAX_PATH);
        char *narrow = tk_narrow(len > 0 && len < MAX_PATH ? root : L"C:\\ProgramData");

        snprintf(directory, sizeof directory, "%s\\takeover", narrow);
        tk_free(narrow);
    }
    return directory;
}

static bool is_program(const char *path)
{
    wchar_t *wide = tk_wide_path(path);
    DWORD attributes = GetFileAttributesW(wide);

    tk_free(wide);
    return attributes != INVALID_FILE_ATTRIBUTES && !(attributes & FILE_ATTRIBUTE_DIRECTORY);
}

static bool has_extension(const char *name)
{
    size_t len = strlen(name);

    return len > 4 &&
           (_stricmp(name + len - 4, ".exe") == 0 || _stricmp(name + len - 4, ".com") == 0);
}

// Tries `name` in one directory. Of PATHEXT only what starts without a shell counts: a batch file
// would be read by cmd.exe, whose quoting no argument survives safely.
static bool is_program_in(struct tk_buffer *path, const char *directory, size_t len,
                          const char *name)
{
    static const char *const endings[] = {".com", ".exe"};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        bool complete = has_extension(name);

        path->len = 0;
        tk_buffer_add(path, directory, len);
        tk_buffer_printf(path, "%s%s%s", len > 0 ? "\\" : "", name, complete ? "" : endings[i]);
        if (is_program(path->text)) {
            return true;
        }
        if (complete) {
            break;
        }
    }
    return false;
}

// An entry of PATH may stand in quotes; one that is not a full path is never looked at.
static bool search_path(struct tk_buffer *path, const char *list, const char *name)
{
    for (const char *p = list; *p;) {
        size_t len = strcspn(p, ";");
        const char *entry = p;
        size_t n = len;

        if (n >= 2 && entry[0] == '"' && entry[n - 1] == '"') {
            entry++;
            n -= 2;
        }
        while (n > 3 && (entry[n - 1] == '\\' || entry[n - 1] == '/')) {
            n--;
        }
        if (((n >= 3 && entry[1] == ':') || (n > 2 && entry[0] == '\\' && entry[1] == '\\')) &&
            is_program_in(path, entry, n, name)) {
            return true;
        }
        p += len + (p[len] == ';');
    }
    return false;
}

bool tk_platform_find_program(struct tk_buffer *path, const char *name, const char *also)
{
    wchar_t *list;
    DWORD len;
    bool found;

    if (strpbrk(name, "/\\:")) {
        return is_program_in(path, "", 0, name);
    }
    len = GetEnvironmentVariableW(L"PATH", NULL, 0);
    list = tk_alloc((len + 1) * sizeof *list);
    if (len > 0 && GetEnvironmentVariableW(L"PATH", list, len) >= len) {
        list[0] = L'\0'; // it grew in between
    }
    {
        char *narrow = tk_narrow(list);

        found = search_path(path, narrow, name);
        tk_free(narrow);
    }
    tk_free(list);
    return found || (also && is_program_in(path, also, strlen(also), name));
}

// ---- files --------------------------------------------------------------------------------------

// What others have open can be replaced since Windows 10 (POSIX semantics) and on NTFS only;
// elsewhere the old way, which fails while somebody reads: then again for a moment.
static DWORD rename_over(const wchar_t *from, const wchar_t *to)
{
    size_t bytes = wcslen(to) * sizeof *to;
    struct rename_info *info = tk_alloc(sizeof *info + bytes);
    HANDLE file = CreateFileW(from, DELETE | SYNCHRONIZE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    DWORD error = file == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;

    if (error == ERROR_SUCCESS) {
        info->flags = RENAME_REPLACE | RENAME_POSIX;
        info->name_bytes = (DWORD)bytes;
        memcpy(info->name, to, bytes);
        if (!SetFileInformationByHandle(file, (FILE_INFO_BY_HANDLE_CLASS)RENAME_INFO_EX, info,
                                        (DWORD)(sizeof *info + bytes))) {
            error = GetLastError();
        }
        CloseHandle(file);
    }
    tk_free(info);
    return error;
}

static wchar_t *full_path(const char *path)
{
    wchar_t *wide = tk_wide_path(path);
    DWORD len = GetFullPathNameW(wide, 0, NULL, NULL);
    wchar_t *full = tk_alloc(((size_t)len + 1) * sizeof *full);

    GetFullPathNameW(wide, len, full, NULL);
    tk_free(wide);
    return full;
}

int tk_platform_replace(const char *from, const char *to, struct tk_failure *err)
{
    wchar_t *wide_from = full_path(from), *wide_to = full_path(to);
    DWORD error = rename_over(wide_from, wide_to);

    for (int i = 0; error != ERROR_SUCCESS && i < REPLACE_TRIES; i++) {
        if (i > 0) {
            Sleep(REPLACE_PAUSE_MS);
        }
        error = MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)
                    ? ERROR_SUCCESS
                    : GetLastError();
        if (error != ERROR_ACCESS_DENIED && error != ERROR_SHARING_VIOLATION) {
            break;
        }
    }
    tk_free(wide_from);
    tk_free(wide_to);
    return error == ERROR_SUCCESS ? 0 : tk_win32_failed(err, error, to, "written");
}

// NTFS keeps the order of its own changes in a log, and forces it out with this; a file system that
// cannot, or a user who may not, is no failure.
int tk_platform_sync_directory(const char *directory, struct tk_failure *err)
{
    wchar_t *wide = tk_wide_path(directory);
    HANDLE h = CreateFileW(wide, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                           OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    DWORD error = h == INVALID_HANDLE_VALUE ? GetLastError() : 0;

    tk_free(wide);
    if (h != INVALID_HANDLE_VALUE) {
        FlushFileBuffers(h);
        CloseHandle(h);
        return 0;
    }
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) {
        return tk_win32_failed(err, error, directory, "opened");
    }
    return 0;
}

uintptr_t tk_platform_socket(int family, int type, int protocol)
{
    return WSASocketW(family, type, protocol, NULL, 0,
                      WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

void tk_platform_socket_error(struct tk_buffer *why)
{
    int error = WSAGetLastError();

    if (why && error != 0) {
        if (error == WSAEADDRINUSE || error == WSAEACCES) { // the latter: exclusively in use
            tk_buffer_puts(why, "the address is in use: ");
        }
        tk_win32_say(why, (DWORD)error);
    }
    WSASetLastError(0);
}

// ---- lock ---------------------------------------------------------------------------------------

struct tk_lock {
    HANDLE file;
};

// Windows keeps others from reading what is locked: so not the text is, but a byte far behind it.
static OVERLAPPED far_behind(void)
{
    OVERLAPPED where = {0};

    where.OffsetHigh = 0x40000000;
    return where;
}

static bool write_whole(HANDLE file, const char *text)
{
    DWORD written = 0, len = (DWORD)strlen(text);

    return SetFilePointer(file, 0, NULL, FILE_BEGIN) == 0 && SetEndOfFile(file) &&
           WriteFile(file, text, len, &written, NULL) && written == len;
}

int tk_platform_lock(struct tk_lock **lock, struct tk_buffer *holder, const char *path,
                     const char *text, struct tk_failure *err)
{
    wchar_t *wide = tk_wide_path(path);
    OVERLAPPED where = far_behind();
    char bytes[HOLDER_MAX];
    DWORD error, got = 0;
    HANDLE file =
        CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                    OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, NULL);

    error = file == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    tk_free(wide);
    *lock = NULL;
    if (file == INVALID_HANDLE_VALUE) {
        return tk_win32_failed(err, error, path, "opened for locking");
    }
    if (LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &where)) {
        if (!write_whole(file, text)) {
            tk_win32_failed(err, GetLastError(), path, "written");
            CloseHandle(file);
            return -1;
        }
        *lock = tk_alloc(sizeof **lock);
        (*lock)->file = file;
        return 0;
    }
    error = GetLastError();
    if (error != ERROR_LOCK_VIOLATION && error != ERROR_IO_PENDING) {
        tk_win32_failed(err, error, path, "locked");
        CloseHandle(file);
        return -1;
    }
    if (ReadFile(file, bytes, sizeof bytes, &got, NULL)) {
        tk_buffer_add(holder, bytes, got);
    }
    CloseHandle(file);
    return 0;
}

void tk_platform_unlock(struct tk_lock *lock)
{
    if (lock) {
        OVERLAPPED where = far_behind();

        write_whole(lock->file, "");
        UnlockFileEx(lock->file, 0, 1, 0, &where);
        CloseHandle(lock->file);
        tk_free(lock);
    }
}
