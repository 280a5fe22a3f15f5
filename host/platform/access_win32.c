// See platform.h: who may change or read a file, from its owner and its access list. What counts is
// what replaces or rewrites a file: adding another one to the same directory does not, and Windows
// lets ordinary users do that in many places, %ProgramData% for one.
#include "platform.h"

#include <string.h>
#include <wchar.h>

#include "win32.h"

#include <aclapi.h>
#include <sddl.h>

#define CHANGE_FILE                                                                                \
    (FILE_WRITE_DATA | FILE_APPEND_DATA | DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_WRITE |       \
     GENERIC_ALL)
// Exchanging what is in a directory, or the directory itself.
#define CHANGE_DIRECTORY (FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL)
#define READ_FILE        (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL)

#define PATH_CHARACTERS 32768

// ---- who is trusted -----------------------------------------------------------------------------

static bool is_running_user(PSID sid)
{
    _Alignas(TOKEN_USER) char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    TOKEN_USER *token = (TOKEN_USER *)(void *)room;
    DWORD len = 0;
    HANDLE handle;
    bool same;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &handle)) {
        return false;
    }
    same = GetTokenInformation(handle, TokenUser, token, sizeof room, &len) &&
           EqualSid(sid, token->User.Sid);
    CloseHandle(handle);
    return same;
}

// Administrator, Domain Admins and Enterprise Admins of whatever domain: S-1-5-21-x-y-z-RID.
static bool is_domain_administrator(PSID sid)
{
    static const DWORD rids[] = {DOMAIN_USER_RID_ADMIN, DOMAIN_GROUP_RID_ADMINS,
                                 DOMAIN_GROUP_RID_ENTERPRISE_ADMINS};
    static const SID_IDENTIFIER_AUTHORITY nt = {SECURITY_NT_AUTHORITY};

    if (memcmp(GetSidIdentifierAuthority(sid), &nt, sizeof nt) != 0 ||
        *GetSidSubAuthorityCount(sid) != 5 || *GetSidSubAuthority(sid, 0) != 21) {
        return false;
    }
    for (size_t i = 0; i < sizeof rids / sizeof rids[0]; i++) {
        if (*GetSidSubAuthority(sid, 4) == rids[i]) {
            return true;
        }
    }
    return false;
}

static bool is_trusted(PSID sid)
{
    static const wchar_t *const texts[] = {
        L"S-1-5-18",     // SYSTEM
        L"S-1-5-32-544", // Administrators
        L"S-1-3-0",      // creator owner: the owner is looked at by himself
        L"S-1-3-4",      // owner rights
        L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464", // TrustedInstaller
    };
    bool trusted = is_running_user(sid) || is_domain_administrator(sid);

    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !trusted; i++) {
        PSID one = NULL;

        if (ConvertStringSidToSidW(texts[i], &one)) {
            trusted = EqualSid(sid, one);
            LocalFree(one);
        }
    }
    return trusted;
}

// "DOMAIN\name", else the number.
static char *name_of(PSID sid)
{
    wchar_t name[256], domain[256], *text = NULL;
    DWORD name_len = 256, domain_len = 256;
    SID_NAME_USE use;
    char *result;

    if (LookupAccountSidW(NULL, sid, name, &name_len, domain, &domain_len, &use)) {
        char *n = tk_narrow(name), *d = tk_narrow(domain);

        result = tk_sprintf("%s%s%s", d, *d ? "\\" : "", n);
        tk_free(n);
        tk_free(d);
        return result;
    }
    if (!ConvertSidToStringSidW(sid, &text)) {
        return tk_strdup("somebody");
    }
    result = tk_narrow(text);
    LocalFree(text);
    return result;
}

// ---- one file or directory ----------------------------------------------------------------------

// The account of an entry that grants something; NULL for entries that do not.
static PSID granted(void *ace, ACCESS_MASK *mask)
{
    ACE_HEADER *header = ace;

    if (header->AceFlags & INHERIT_ONLY_ACE) {
        return NULL;
    }
    switch (header->AceType) {
    case ACCESS_ALLOWED_ACE_TYPE:
    case ACCESS_ALLOWED_CALLBACK_ACE_TYPE: // a condition may hold, so it counts
        *mask = ((ACCESS_ALLOWED_ACE *)ace)->Mask;
        return &((ACCESS_ALLOWED_ACE *)ace)->SidStart;
    default:
        return NULL;
    }
}

static void judge(struct tk_buffer *why, const char *path, PSID owner, PACL acl, ACCESS_MASK bad,
                  const char *verb)
{
    char *name = NULL;

    if (!owner || !is_trusted(owner)) {
        name = owner ? name_of(owner) : tk_strdup("nobody");
        tk_buffer_printf(why, "%s belongs to %s", path, name);
    } else if (!acl) {
        tk_buffer_printf(why, "%s may be %s by everybody (it has no access list)", path, verb);
    }
    for (DWORD i = 0; acl && i < acl->AceCount && why->len == 0; i++) {
        ACCESS_MASK mask = 0;
        void *ace = NULL;
        PSID sid = GetAce(acl, i, &ace) ? granted(ace, &mask) : NULL;

        if (sid && (mask & bad) != 0 && !is_trusted(sid)) {
            name = name_of(sid);
            tk_buffer_printf(why, "%s may be %s by %s", path, verb, name);
        }
    }
    tk_free(name);
}

static int judge_path(struct tk_buffer *why, const wchar_t *wide, ACCESS_MASK bad, const char *verb,
                      struct tk_failure *err)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    char *path = tk_narrow(wide);
    PSID owner = NULL;
    PACL acl = NULL;
    int result = 0;
    DWORD error = GetNamedSecurityInfoW((wchar_t *)wide, SE_FILE_OBJECT,
                                        OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                        &owner, NULL, &acl, NULL, &descriptor);

    if (error != ERROR_SUCCESS) {
        result = tk_win32_failed(err, error, path, "looked at");
    } else {
        judge(why, path, owner, acl, bad, verb);
    }
    if (descriptor) {
        LocalFree(descriptor);
    }
    tk_free(path);
    return result;
}

// ---- the way to a file --------------------------------------------------------------------------

// Where the part of a path begins that can be taken off: behind "C:\", "\\server\share\".
static size_t root_length(const wchar_t *path)
{
    size_t at = 0, parts;

    if (wcsncmp(path, L"\\\\?\\UNC\\", 8) == 0) {
        at = 8;
        parts = 2;
    } else if (wcsncmp(path, L"\\\\?\\", 4) == 0) {
        at = 4;
        parts = 1;
    } else if (wcsncmp(path, L"\\\\", 2) == 0) {
        at = 2;
        parts = 2;
    } else {
        parts = 1;
    }
    while (parts > 0 && path[at]) {
        at += wcscspn(path + at, L"\\");
        at += path[at] == L'\\';
        parts--;
    }
    return at;
}

// The file, then every directory above it.
static int judge_way(struct tk_buffer *why, const wchar_t *path, struct tk_failure *err)
{
    size_t root = root_length(path);
    wchar_t *part = tk_alloc((wcslen(path) + 1) * sizeof *part);
    DWORD attributes = GetFileAttributesW(path);
    bool directory =
        attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
    int result;

    wcscpy(part, path);
    result = judge_path(why, part, directory ? CHANGE_DIRECTORY : CHANGE_FILE, "changed", err);
    for (size_t len = wcslen(part); len > root && result == 0 && why->len == 0;) {
        while (len > root && part[len - 1] != L'\\') {
            len--;
        }
        if (len > root) {
            len--;
        }
        part[len] = L'\0';
        result = judge_path(why, part, CHANGE_DIRECTORY, "changed", err);
    }
    tk_free(part);
    return result;
}

// Where the path leads when links on the way are followed; NULL where that cannot be told.
static wchar_t *real_path(const wchar_t *path)
{
    HANDLE h = CreateFileW(path, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                           OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    wchar_t *real = NULL;

    if (h != INVALID_HANDLE_VALUE) {
        real = tk_alloc(PATH_CHARACTERS * sizeof *real);
        if (GetFinalPathNameByHandleW(h, real, PATH_CHARACTERS, FILE_NAME_NORMALIZED) == 0) {
            tk_free(real);
            real = NULL;
        }
        CloseHandle(h);
    }
    return real;
}

static int readable_by_others(struct tk_buffer *why, const char *path, struct tk_failure *err)
{
    wchar_t *wide = tk_wide_path(path);
    int result = judge_path(why, wide, READ_FILE | CHANGE_FILE, "read", err);

    tk_free(wide);
    return result;
}

int tk_platform_unsafe(struct tk_buffer *why, const char *path, enum tk_judge how,
                       struct tk_failure *err)
{
    wchar_t *wide = tk_wide_path(path);
    DWORD len = GetFullPathNameW(wide, 0, NULL, NULL);
    wchar_t *full = tk_alloc(((size_t)len + 1) * sizeof *full);
    wchar_t *real = NULL;
    int result;

    GetFullPathNameW(wide, len, full, NULL);
    tk_free(wide);
    result = judge_way(why, full, err);
    if (result == 0 && why->len == 0) {
        real = real_path(full);
        if (real && wcsncmp(real, L"\\\\?\\", 4) == 0 && _wcsicmp(real + 4, full) != 0 &&
            _wcsicmp(real, full) != 0) {
            result = judge_way(why, real, err);
        }
    }
    tk_free(real);
    tk_free(full);
    return result == 0 && why->len == 0 && how == TK_JUDGE_PRIVATE
               ? readable_by_others(why, path, err)
               : result;
}

// While the file is open, without the right for others to delete or write it, neither it nor a
// directory above it can be exchanged.
int tk_platform_read_judged(struct tk_buffer *out, struct tk_buffer *why, const char *path,
                            uint64_t max_bytes, enum tk_judge how, struct tk_failure *err)
{
    wchar_t *wide = tk_wide_path(path);
    HANDLE h = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                           FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD error = h == INVALID_HANDLE_VALUE ? GetLastError() : 0, got = 1;
    char chunk[16384];
    int result = -1;

    tk_free(wide);
    if (error != 0) {
        return tk_win32_failed(err, error, path, "read");
    }
    if (GetFileType(h) != FILE_TYPE_DISK) {
        tk_fail(err, TK_FS_FAILED, "%s cannot be read: it is no regular file", path);
        tk_fail_target(err, path);
        goto done;
    }
    result = tk_platform_unsafe(why, path, how, err);
    while (result == 0 && why->len == 0 && got > 0) {
        if (!ReadFile(h, chunk, sizeof chunk, &got, NULL)) {
            result = tk_win32_failed(err, GetLastError(), path, "read");
        } else if (out->len + got > max_bytes) {
            tk_fail(err, TK_FS_FAILED, "%s is longer than %llu bytes", path,
                    (unsigned long long)max_bytes);
            result = tk_fail_target(err, path);
        } else {
            tk_buffer_add(out, chunk, got);
        }
    }
done:
    tk_wipe(chunk, sizeof chunk);
    CloseHandle(h);
    return result;
}

// What is made here inherits the access list of the directory above, which the installer gives to
// SYSTEM and Administrators.
int tk_platform_private_directory(struct tk_buffer *why, const char *path, struct tk_failure *err)
{
    return tk_platform_make_private_directory(path, err) < 0
               ? -1
               : tk_platform_unsafe(why, path, TK_JUDGE_CHANGE, err);
}

int tk_platform_private_file(struct tk_buffer *why, const char *path, struct tk_failure *err)
{
    (void)why, (void)path, (void)err; // its directory decides
    return 0;
}
