// seal.h over SSPI. A user and a password make a credential of these two alone; without them it is
// that of the running account, which for a cluster's script (LocalSystem) is the computer's account
// in the domain. Windows renews tickets by itself.
#define SECURITY_WIN32
#include <windows.h>
#include <security.h>

#include <stdatomic.h>
#include <string.h>

#include "platform/win32.h"
#include "seal.h"

#define CONTEXT_FLAGS                                                                              \
    (ISC_REQ_MUTUAL_AUTH | ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT |                       \
     ISC_REQ_CONFIDENTIALITY | ISC_REQ_INTEGRITY | ISC_REQ_ALLOCATE_MEMORY)
#define TOKEN_MAX_BYTES  65536
#define TICKS_PER_SECOND 10000000

struct tk_seal_credential {
    atomic_int references;
    CredHandle handle;
};

struct tk_seal {
    CtxtHandle context;
    bool begun;
    struct tk_seal_credential *credential;
    wchar_t *target;
    char *binding; // SEC_CHANNEL_BINDINGS and what follows it
    size_t binding_len;
    bool encrypts;
    bool done;
    bool ntlm;
    char *account;
    SecPkgContext_Sizes sizes;
};

// ---- words

struct advice {
    SECURITY_STATUS status;
    enum tk_code code;
    const char *hint;
};

static const struct advice advices[] = {
    {SEC_E_LOGON_DENIED, TK_WMI_AUTH, "user or password is wrong"},
    {SEC_E_TARGET_UNKNOWN, TK_WMI_AUTH,
     "the domain knows no host of this name: write the host's full DNS name, no address"},
    {SEC_E_WRONG_PRINCIPAL, TK_WMI_AUTH, "another account has the name HTTP/<host>: setspn -Q"},
    {SEC_E_TIME_SKEW, TK_WMI_AUTH,
     "the clocks of this computer and the domain controller must agree within five minutes"},
    {SEC_E_NO_AUTHENTICATING_AUTHORITY, TK_WMI_LOGIN,
     "nothing was sent to the host; is a domain controller up"},
    {SEC_E_NO_CREDENTIALS, TK_WMI_AUTH, "give user and password"},
};

static int fail(struct tk_failure *err, const char *what, SECURITY_STATUS status)
{
    struct tk_buffer words = {0};

    tk_win32_say(&words, (DWORD)status);
    tk_fail(err, TK_WMI_AUTH, "%s: %.400s", what, words.text ? words.text : "no reason given");
    err->hresult = (uint32_t)status;
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        if (advices[i].status == status) {
            err->code = advices[i].code;
            err->transient = tk_code_transient(advices[i].code);
            tk_fail_hint(err, "%s", advices[i].hint);
        }
    }
    tk_buffer_free(&words);
    return -1;
}

// ---- credentials

struct identity { // as SSPI wants it, with what it points to
    SEC_WINNT_AUTH_IDENTITY_W sspi;
    wchar_t *user, *domain, *password;
};

// "DOMAIN\user", or "user@domain" as a whole.
static void make_identity(struct identity *id, const struct tk_seal_who *who)
{
    const char *backslash = strchr(who->user, '\\');
    char *domain = backslash ? tk_strndup(who->user, (size_t)(backslash - who->user)) : NULL;

    id->user = tk_wide(backslash ? backslash + 1 : who->user);
    id->domain = tk_wide(domain ? domain : "");
    id->password = tk_wide(who->password);
    id->sspi.User = (unsigned short *)id->user;
    id->sspi.UserLength = (unsigned long)wcslen(id->user);
    id->sspi.Domain = (unsigned short *)id->domain;
    id->sspi.DomainLength = (unsigned long)wcslen(id->domain);
    id->sspi.Password = (unsigned short *)id->password;
    id->sspi.PasswordLength = (unsigned long)wcslen(id->password);
    id->sspi.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    tk_free(domain);
}

static void free_identity(struct identity *id)
{
    if (id->password) {
        SecureZeroMemory(id->password, wcslen(id->password) * sizeof id->password[0]);
    }
    tk_free(id->user);
    tk_free(id->domain);
    tk_free(id->password);
}

static int check_who(const struct tk_seal_who *who, struct tk_failure *err)
{
    if (who->keytab) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER,
                       "Windows has no keytabs: give user and password, "
                       "or neither");
    }
    if ((who->user != NULL) != (who->password != NULL)) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "user and password belong together");
    }
    if (who->user && who->ticket) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "ticket is the running account's: no user then");
    }
    return 0;
}

int tk_seal_acquire(struct tk_seal_credential **out, const struct tk_seal_who *who,
                    struct tk_failure *err)
{
    static const wchar_t *const packages[] = {L"Negotiate", L"Kerberos", L"NTLM"};
    struct identity id = {0};
    struct tk_seal_credential *c;
    SECURITY_STATUS status;
    TimeStamp until;

    *out = NULL;
    if (check_who(who, err) != 0) {
        return -1;
    }
    if (who->user) {
        make_identity(&id, who);
    }
    c = tk_alloc(sizeof *c);
    atomic_init(&c->references, 1);
    status = AcquireCredentialsHandleW(NULL, (wchar_t *)(uintptr_t)packages[who->mechanism],
                                       SECPKG_CRED_OUTBOUND, NULL, who->user ? &id.sspi : NULL,
                                       NULL, NULL, &c->handle, &until);
    free_identity(&id);
    if (status != SEC_E_OK) {
        tk_free(c);
        return fail(err, "no proof of identity", status);
    }
    *out = c;
    return 0;
}

bool tk_seal_credential_lasts(struct tk_seal_credential *credential, int seconds)
{
    (void)credential, (void)seconds;
    return true;
}

struct tk_seal_credential *tk_seal_credential_share(struct tk_seal_credential *c)
{
    atomic_fetch_add(&c->references, 1);
    return c;
}

void tk_seal_credential_spoil(struct tk_seal_credential *credential)
{
    (void)credential; // never shared between peers
}

void tk_seal_credential_drop(struct tk_seal_credential *c)
{
    if (c && atomic_fetch_sub(&c->references, 1) == 1) {
        FreeCredentialsHandle(&c->handle);
        tk_free(c);
    }
}

// ---- the steps of a context

static int refuse(struct tk_failure *err, const char *why)
{
    return tk_fail(err, TK_WMI_AUTH, "the two sides do not agree on a security context: %s", why);
}

// What was agreed on must be what was asked for.
static int finish(struct tk_seal *s, unsigned long flags, struct tk_failure *err)
{
    SecPkgContext_NegotiationInfoW package = {0};
    SecPkgContext_NativeNamesW names = {0};
    SECURITY_STATUS status = QueryContextAttributesW(&s->context, SECPKG_ATTR_SIZES, &s->sizes);

    if (status != SEC_E_OK) {
        return fail(err, "the security context cannot be looked at", status);
    }
    if (QueryContextAttributesW(&s->context, SECPKG_ATTR_NEGOTIATION_INFO, &package) == SEC_E_OK &&
        package.PackageInfo) {
        s->ntlm = lstrcmpiW(package.PackageInfo->Name, L"NTLM") == 0;
        FreeContextBuffer(package.PackageInfo);
    }
    if (QueryContextAttributesW(&s->context, SECPKG_ATTR_NATIVE_NAMES, &names) == SEC_E_OK) {
        s->account = names.sClientName ? tk_narrow(names.sClientName) : NULL;
        FreeContextBuffer(names.sClientName);
        FreeContextBuffer(names.sServerName);
    }
    if (s->encrypts && !(flags & ISC_RET_CONFIDENTIALITY)) {
        return refuse(err, "it would not encrypt");
    }
    if (!s->ntlm && !(flags & ISC_RET_MUTUAL_AUTH)) {
        return refuse(err, "the host did not prove who it is");
    }
    s->done = true;
    return 0;
}

static int initiate(struct tk_seal *s, const char *in, size_t in_len, struct tk_buffer *token,
                    struct tk_failure *err)
{
    SecBuffer given[2] = {
        {(unsigned long)in_len, SECBUFFER_TOKEN, (void *)(uintptr_t)in},
        {(unsigned long)s->binding_len, SECBUFFER_CHANNEL_BINDINGS, s->binding},
    };
    SecBuffer made = {0, SECBUFFER_TOKEN, NULL};
    SecBufferDesc made_list = {SECBUFFER_VERSION, 1, &made};
    SecBufferDesc given_list = {SECBUFFER_VERSION, (in ? 1u : 0u) + (s->binding ? 1u : 0u),
                                in ? given : given + 1};
    unsigned long flags = 0;
    SECURITY_STATUS status;
    TimeStamp until;

    status = InitializeSecurityContextW(&s->credential->handle, s->begun ? &s->context : NULL,
                                        s->target, CONTEXT_FLAGS, 0, SECURITY_NATIVE_DREP,
                                        given_list.cBuffers ? &given_list : NULL, 0, &s->context,
                                        &made_list, &flags, &until);
    if (status == SEC_I_COMPLETE_NEEDED || status == SEC_I_COMPLETE_AND_CONTINUE) {
        SECURITY_STATUS completed = CompleteAuthToken(&s->context, &made_list);

        status = completed != SEC_E_OK             ? completed
                 : status == SEC_I_COMPLETE_NEEDED ? SEC_E_OK
                                                   : SEC_I_CONTINUE_NEEDED;
    }
    s->begun = s->begun || status == SEC_E_OK || status == SEC_I_CONTINUE_NEEDED;
    if (made.pvBuffer) {
        tk_buffer_add(token, made.pvBuffer, made.cbBuffer);
        FreeContextBuffer(made.pvBuffer);
    }
    if (status == SEC_E_OK) {
        return finish(s, flags, err);
    }
    return status == SEC_I_CONTINUE_NEEDED ? 0 : fail(err, "logging in to the host", status);
}

int tk_seal_step(struct tk_seal *s, const char *in, size_t in_len, struct tk_buffer *token,
                 struct tk_failure *err)
{
    if (in_len > TOKEN_MAX_BYTES || s->done) {
        return refuse(err, s->done ? "it is established already" : "the token is too long");
    }
    return initiate(s, in, in_len, token, err);
}

// ---- opening

static void set_binding(struct tk_seal *s, const struct tk_seal_target *target)
{
    SEC_CHANNEL_BINDINGS *head;

    if (!target->binding) {
        return;
    }
    s->binding_len = sizeof *head + target->binding_len;
    s->binding = tk_alloc(s->binding_len);
    head = (SEC_CHANNEL_BINDINGS *)(void *)s->binding;
    head->cbApplicationDataLength = (unsigned long)target->binding_len;
    head->dwApplicationDataOffset = sizeof *head;
    memcpy(s->binding + sizeof *head, target->binding, target->binding_len);
}

int tk_seal_begin(struct tk_seal **out, struct tk_seal_credential *credential,
                  const struct tk_seal_target *target, struct tk_buffer *token,
                  struct tk_failure *err)
{
    struct tk_seal *s = tk_alloc(sizeof *s);
    char *name = tk_sprintf("HTTP/%s", target->host);

    *out = NULL;
    s->credential = tk_seal_credential_share(credential);
    s->encrypts = target->encrypts;
    s->target = tk_wide(name);
    tk_free(name);
    set_binding(s, target);
    if (initiate(s, NULL, 0, token, err) != 0) {
        tk_seal_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

int tk_seal_accept(struct tk_seal **out, const char *keytab, const char *binding,
                   size_t binding_len, struct tk_failure *err)
{
    (void)keytab, (void)binding, (void)binding_len;
    *out = NULL;
    return tk_fail(err, TK_WMI_AUTH, "logins are accepted on Linux only");
}

void tk_seal_close(struct tk_seal *s)
{
    if (!s) {
        return;
    }
    if (s->begun) {
        DeleteSecurityContext(&s->context);
    }
    tk_seal_credential_drop(s->credential);
    tk_free(s->target);
    tk_free(s->binding);
    tk_free(s->account);
    tk_free(s);
}

// ---- what is established

bool tk_seal_is_done(const struct tk_seal *s)
{
    return s->done;
}

bool tk_seal_is_bound(const struct tk_seal *s)
{
    return s->binding != NULL;
}

bool tk_seal_lasts(const struct tk_seal *s, int seconds)
{
    CtxtHandle context = s->context;
    SecPkgContext_Lifespan span;
    FILETIME utc, local;
    ULARGE_INTEGER now, until;

    if (!s->done || QueryContextAttributesW(&context, SECPKG_ATTR_LIFESPAN, &span) != SEC_E_OK) {
        return s->done;
    }
    GetSystemTimeAsFileTime(&utc);
    FileTimeToLocalFileTime(&utc, &local); // the life span is in local time
    now.LowPart = local.dwLowDateTime;
    now.HighPart = local.dwHighDateTime;
    until.LowPart = span.tsExpiry.LowPart;
    until.HighPart = (DWORD)span.tsExpiry.HighPart;
    return until.QuadPart > now.QuadPart + (ULONGLONG)seconds * TICKS_PER_SECOND;
}

const struct tk_failure *tk_seal_instead(const struct tk_seal *s)
{
    (void)s;
    return NULL; // SSPI decides by itself, and does not tell
}

const char *tk_seal_mechanism_name(const struct tk_seal *s)
{
    return s->ntlm ? "NTLM" : "Kerberos";
}

const char *tk_seal_account(const struct tk_seal *s)
{
    return s->account ? s->account : "";
}

// ---- messages

static int broken(struct tk_failure *err, const char *what, SECURITY_STATUS status)
{
    fail(err, what, status);
    err->code = TK_WMI_SEAL;
    err->transient = false;
    return -1;
}

int tk_seal_wrap(struct tk_seal *s, const char *text, size_t len, struct tk_buffer *header,
                 struct tk_buffer *sealed, struct tk_failure *err)
{
    char *token = tk_alloc(s->sizes.cbSecurityTrailer + 1);
    char *padding = tk_alloc(s->sizes.cbBlockSize + 1);
    size_t before = sealed->len;
    SecBuffer buffers[3] = {
        {s->sizes.cbSecurityTrailer, SECBUFFER_TOKEN, token},
        {(unsigned long)len, SECBUFFER_DATA, NULL},
        {s->sizes.cbBlockSize, SECBUFFER_PADDING, padding},
    };
    SecBufferDesc list = {SECBUFFER_VERSION, 3, buffers};
    SECURITY_STATUS status;

    tk_buffer_add(sealed, text, len); // encrypted in place
    buffers[1].pvBuffer = sealed->text + before;
    status = EncryptMessage(&s->context, 0, &list, 0);
    if (status == SEC_E_OK) {
        tk_buffer_add(header, token, buffers[0].cbBuffer);
        tk_buffer_add(sealed, padding, buffers[2].cbBuffer);
    } else {
        memset(sealed->text + before, 0, len);
        sealed->len = before;
        broken(err, "the message cannot be encrypted", status);
    }
    tk_free(token);
    tk_free(padding);
    return status == SEC_E_OK ? 0 : -1;
}

int tk_seal_unwrap(struct tk_seal *s, const char *header, size_t header_len, const char *sealed,
                   size_t sealed_len, struct tk_buffer *text, struct tk_failure *err)
{
    struct tk_buffer token = {0}, data = {0};
    SecBuffer buffers[2] = {{0, SECBUFFER_TOKEN, NULL}, {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc list = {SECBUFFER_VERSION, 2, buffers};
    unsigned long quality = 0;
    SECURITY_STATUS status;

    if (!s->done) {
        return refuse(err, "it is not established yet");
    }
    tk_buffer_add(&token, header, header_len); // decrypted in place
    tk_buffer_add(&data, sealed, sealed_len);
    buffers[0].pvBuffer = token.text;
    buffers[0].cbBuffer = (unsigned long)token.len;
    buffers[1].pvBuffer = data.text;
    buffers[1].cbBuffer = (unsigned long)data.len;
    status = DecryptMessage(&s->context, &list, 0, &quality);
    if (status == SEC_E_OK && quality == SECQOP_WRAP_NO_ENCRYPT) {
        status = SEC_E_MESSAGE_ALTERED;
    }
    if (status == SEC_E_OK) {
        tk_buffer_add(text, buffers[1].pvBuffer, buffers[1].cbBuffer);
    } else {
        broken(err, "the message was not encrypted as agreed", status);
    }
    tk_buffer_free(&token);
    tk_buffer_free(&data);
    return status == SEC_E_OK ? 0 : -1;
}
