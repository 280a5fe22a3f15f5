// See platform.h: files that only the running user and the administrators may open, secrets that
// only this computer can decrypt, and a line that the console does not show.
#include "platform.h"

#include <io.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "win32.h"

#include <aclapi.h>
#include <dpapi.h>
#include <sddl.h>

#define CTRL_C     3
#define TYPED_MOST 4096 // UTF-16 units of a typed line

// ---- access lists
// --------------------------------------------------------------------------------

PSECURITY_DESCRIPTOR tk_win32_private(bool inherited)
{
    _Alignas(TOKEN_USER) char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    TOKEN_USER *token = (TOKEN_USER *)(void *)room;
    const wchar_t *flags = inherited ? L"OICI" : L"";
    PSECURITY_DESCRIPTOR descriptor = NULL;
    wchar_t text[320], *user = NULL;
    HANDLE handle = NULL;
    DWORD len = 0, error = ERROR_SUCCESS;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &handle)) {
        return NULL;
    }
    if (!GetTokenInformation(handle, TokenUser, token, sizeof room, &len) ||
        !ConvertSidToStringSidW(token->User.Sid, &user)) {
        error = GetLastError();
    } else {
        _snwprintf(text, sizeof text / sizeof text[0],
                   L"D:P(A;%ls;FA;;;SY)(A;%ls;FA;;;BA)(A;%ls;FA;;;%ls)", flags, flags, flags, user);
        text[sizeof text / sizeof text[0] - 1] = L'\0';
        if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1,
                                                                  &descriptor, NULL)) {
            error = GetLastError();
            descriptor = NULL;
        }
        LocalFree(user);
    }
    CloseHandle(handle);
    SetLastError(error);
    return descriptor;
}

int tk_platform_set_mode(const char *path, unsigned mode, struct tk_failure *err)
{
    PSECURITY_DESCRIPTOR descriptor;
    DWORD error = ERROR_SUCCESS;
    wchar_t *wide;

    if ((mode & 077) != 0) {
        return 0; // as its directory has it
    }
    wide = tk_wide_path(path);
    descriptor = tk_win32_private(false);
    if (!descriptor || !SetFileSecurityW(wide, DACL_SECURITY_INFORMATION, descriptor)) {
        error = GetLastError();
    }
    if (descriptor) {
        LocalFree(descriptor);
    }
    tk_free(wide);
    return error == ERROR_SUCCESS ? 0 : tk_win32_failed(err, error, path, "kept from others");
}

int tk_platform_make_private_directory(const char *path, struct tk_failure *err)
{
    SECURITY_ATTRIBUTES attributes = {.nLength = sizeof attributes};
    PSECURITY_DESCRIPTOR descriptor = tk_win32_private(true);
    wchar_t *wide = tk_wide_path(path);
    DWORD error = ERROR_SUCCESS, found;
    int result = 1;

    attributes.lpSecurityDescriptor = descriptor;
    if (!descriptor || !CreateDirectoryW(wide, &attributes)) {
        error = GetLastError();
        found = GetFileAttributesW(wide);
        if (error == ERROR_ALREADY_EXISTS && found != INVALID_FILE_ATTRIBUTES &&
            (found & FILE_ATTRIBUTE_DIRECTORY)) {
            result = 0;
        } else {
            result = tk_win32_failed(err, error, path, "made");
        }
    }
    if (descriptor) {
        LocalFree(descriptor);
    }
    tk_free(wide);
    return result;
}

int tk_platform_write_private(const char *path, const char *bytes, size_t len,
                              struct tk_failure *err)
{
    SECURITY_ATTRIBUTES attributes = {.nLength = sizeof attributes};
    PSECURITY_DESCRIPTOR descriptor = tk_win32_private(false);
    wchar_t *wide = tk_wide_path(path);
    HANDLE file = INVALID_HANDLE_VALUE;
    DWORD error = ERROR_SUCCESS, written = 0;

    attributes.lpSecurityDescriptor = descriptor;
    if (descriptor) {
        file = CreateFileW(wide, GENERIC_WRITE, 0, &attributes, CREATE_NEW, FILE_ATTRIBUTE_NORMAL,
                           NULL);
    }
    if (file == INVALID_HANDLE_VALUE) {
        error = GetLastError();
    } else {
        if (!WriteFile(file, bytes, (DWORD)len, &written, NULL) || written != len ||
            !FlushFileBuffers(file)) {
            error = GetLastError();
            error = error == ERROR_SUCCESS ? ERROR_WRITE_FAULT : error;
        }
        CloseHandle(file);
        if (error != ERROR_SUCCESS) {
            DeleteFileW(wide);
        }
    }
    if (descriptor) {
        LocalFree(descriptor);
    }
    tk_free(wide);
    return error == ERROR_SUCCESS ? 0 : tk_win32_failed(err, error, path, "written");
}

// ---- virtual machines
// ----------------------------------------------------------------------------

// The GUID's 16 bytes as they lie in memory, as four numbers; false where the text is none.
static bool parse_guid(const char *text, DWORD parts[4])
{
    unsigned data1, data2, data3, rest[8];
    int used = 0;

    if (sscanf(text, "%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x%n", &data1, &data2, &data3, &rest[0],
               &rest[1], &rest[2], &rest[3], &rest[4], &rest[5], &rest[6], &rest[7], &used) != 11 ||
        used != 36 || text[used] != '\0') {
        return false;
    }
    parts[0] = data1;
    parts[1] = data3 << 16 | data2;
    parts[2] = rest[3] << 24 | rest[2] << 16 | rest[1] << 8 | rest[0];
    parts[3] = rest[7] << 24 | rest[6] << 16 | rest[5] << 8 | rest[4];
    return true;
}

static bool is_granted(PACL acl, PSID sid, ACCESS_MASK mask)
{
    for (DWORD i = 0; acl && i < acl->AceCount; i++) {
        void *ace = NULL;

        if (GetAce(acl, i, &ace) && ((ACE_HEADER *)ace)->AceType == ACCESS_ALLOWED_ACE_TYPE &&
            EqualSid(&((ACCESS_ALLOWED_ACE *)ace)->SidStart, sid) &&
            (((ACCESS_ALLOWED_ACE *)ace)->Mask & mask) == mask) {
            return true;
        }
    }
    return false;
}

int tk_platform_grant_vm(const char *path, const char *id, struct tk_failure *err)
{
    static SID_IDENTIFIER_AUTHORITY nt = {SECURITY_NT_AUTHORITY};
    const ACCESS_MASK mask = FILE_GENERIC_READ | FILE_GENERIC_WRITE;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    EXPLICIT_ACCESSW entry = {0};
    PACL before = NULL, after = NULL;
    PSID sid = NULL;
    wchar_t *wide = NULL;
    DWORD parts[4], error;
    int result = 0;

    if (!parse_guid(id, parts)) {
        tk_fail(err, TK_FS_FAILED, "\"%.80s\" is not the id of a virtual machine", id);
        return tk_fail_target(err, path);
    }
    wide = tk_wide_path(path);
    if (!AllocateAndInitializeSid(&nt, 6, 83, 1, parts[0], parts[1], parts[2], parts[3], 0, 0,
                                  &sid)) {
        error = GetLastError();
        goto done;
    }
    error = GetNamedSecurityInfoW(wide, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL,
                                  &before, NULL, &descriptor);
    if (error != ERROR_SUCCESS || !before || is_granted(before, sid, mask)) {
        goto done; // without a list everybody may
    }
    entry.grfAccessPermissions = mask;
    entry.grfAccessMode = GRANT_ACCESS;
    entry.grfInheritance = NO_INHERITANCE;
    entry.Trustee.TrusteeForm = TRUSTEE_IS_SID;
    entry.Trustee.TrusteeType = TRUSTEE_IS_UNKNOWN;
    entry.Trustee.ptstrName = (wchar_t *)sid;
    error = SetEntriesInAclW(1, &entry, before, &after);
    if (error == ERROR_SUCCESS) {
        error = SetNamedSecurityInfoW(wide, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL,
                                      after, NULL);
        result = 1;
    }
done:
    if (after) {
        LocalFree(after);
    }
    if (descriptor) {
        LocalFree(descriptor);
    }
    if (sid) {
        FreeSid(sid);
    }
    tk_free(wide);
    return error == ERROR_SUCCESS ? result : tk_win32_failed(err, error, path, "given to the VM");
}

// ---- encrypted by the system
// ---------------------------------------------------------------------

const char *tk_platform_private_hint(void)
{
    return "set it again with takeover secret set; or take the rights of all but SYSTEM and "
           "Administrators away: icacls FILE /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F";
}

const char *tk_platform_protection(void)
{
    return "dpapi";
}

static int crypt_failed(struct tk_failure *err, const char *what)
{
    struct tk_buffer words = {0};

    tk_win32_say(&words, GetLastError());
    tk_fail(err, TK_SECRET_UNREADABLE, "Windows does not %s the secret: %s", what, words.text);
    tk_buffer_free(&words);
    return -1;
}

static void take(struct tk_buffer *out, DATA_BLOB *blob)
{
    tk_buffer_add(out, (const char *)blob->pbData, blob->cbData);
    SecureZeroMemory(blob->pbData, blob->cbData);
    LocalFree(blob->pbData);
}

int tk_platform_protect(struct tk_buffer *out, const char *bytes, size_t len,
                        struct tk_failure *err)
{
    DATA_BLOB in = {.cbData = (DWORD)len, .pbData = (BYTE *)bytes}, secret = {0};

    if (!CryptProtectData(&in, L"takeover", NULL, NULL, NULL,
                          CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN, &secret)) {
        return crypt_failed(err, "encrypt");
    }
    take(out, &secret);
    return 0;
}

int tk_platform_unprotect(struct tk_buffer *out, const char *bytes, size_t len,
                          struct tk_failure *err)
{
    DATA_BLOB in = {.cbData = (DWORD)len, .pbData = (BYTE *)bytes}, plain = {0};

    if (!CryptUnprotectData(&in, NULL, NULL, NULL, NULL, CRYPTPROTECT_UI_FORBIDDEN, &plain)) {
        return crypt_failed(err, "decrypt");
    }
    take(out, &plain);
    return 0;
}

// ---- a line that the console does not show
// -------------------------------------------------------

// Ctrl-C arrives as a character, so that no handler leaves the console without its echo.
int tk_platform_read_hidden(struct tk_buffer *out, const char *prompt, size_t most,
                            struct tk_failure *err)
{
    HANDLE console = GetStdHandle(STD_INPUT_HANDLE);
    wchar_t typed[TYPED_MOST];
    DWORD before = 0, got = 0;
    BOOL ok;

    if (!GetConsoleMode(console, &before)) {
        return tk_fail(err, TK_FS_FAILED, "standard input is no console");
    }
    fputs(prompt, stderr);
    fflush(stderr);
    SetConsoleMode(console, ENABLE_LINE_INPUT);
    ok = ReadConsoleW(console, typed, TYPED_MOST - 1, &got, NULL);
    SetConsoleMode(console, before);
    fputs("\n", stderr);
    typed[ok ? got : 0] = L'\0';
    if (!ok || got == 0 || wcschr(typed, CTRL_C)) {
        SecureZeroMemory(typed, sizeof typed);
        return tk_fail(err, TK_CANCELLED, "nothing was typed");
    }
    typed[wcscspn(typed, L"\r\n")] = L'\0';
    {
        char *narrow = tk_narrow(typed);
        size_t len = strlen(narrow);

        tk_buffer_add(out, narrow, len < most ? len : most);
        SecureZeroMemory(narrow, len);
        tk_free(narrow);
    }
    SecureZeroMemory(typed, sizeof typed);
    return 0;
}
