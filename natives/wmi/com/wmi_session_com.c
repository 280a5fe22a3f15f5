// Connections to the namespaces of one host: see wmi_com.h. A namespace is connected when it is
// first asked for and kept; definitions of classes, which every method call needs, are kept with
// it. Two threads that ask at the same time may both connect: the later one's is thrown away.
#include "wmi_com.h"

#include <objbase.h>
#include <oleauto.h>
#include <string.h>

#define LOCALE L"MS_409" // texts in English where the host has them, as over WS-Management

struct class_entry {
    struct class_entry *next;
    char *name;
    IWbemClassObject *definition;
};

struct tk_com_space {
    struct tk_com_space *next;
    atomic_int refs;
    char *name;
    IWbemServices *services;
    SRWLOCK lock; // of what follows
    struct class_entry *classes;
    char *prefix;
    bool semisynchronous; // known with the first class
};

// ---- credentials and security

// "DOMAIN\user" or "user@domain" or "user", as the blanket wants it. The texts must live on.
struct identity {
    BSTR user, domain, password;
    COAUTHIDENTITY auth;
};

static void identity_set(struct identity *i, const struct tk_com_session *session)
{
    const char *slash = strchr(session->user, '\\');
    char *domain = slash ? tk_strndup(session->user, (size_t)(slash - session->user)) : NULL;

    i->user = tk_com_bstr(slash ? slash + 1 : session->user);
    i->domain = tk_com_bstr(domain);
    i->password = tk_com_bstr(session->password ? session->password : "");
    i->auth.User = (USHORT *)i->user;
    i->auth.UserLength = SysStringLen(i->user);
    i->auth.Domain = (USHORT *)i->domain;
    i->auth.DomainLength = SysStringLen(i->domain);
    i->auth.Password = (USHORT *)i->password;
    i->auth.PasswordLength = SysStringLen(i->password);
    i->auth.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    tk_free(domain);
}

static void identity_clear(struct identity *i)
{
    if (i->password) {
        SecureZeroMemory(i->password, SysStringByteLen(i->password));
    }
    SysFreeString(i->user);
    SysFreeString(i->domain);
    SysFreeString(i->password);
}

static HRESULT set_blanket(IUnknown *proxy, COAUTHIDENTITY *auth)
{
    HRESULT hr = CoSetProxyBlanket(proxy, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHZ_DEFAULT,
                                   COLE_DEFAULT_PRINCIPAL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                   RPC_C_IMP_LEVEL_IMPERSONATE, auth, EOAC_NONE);

    return hr == E_NOINTERFACE ? S_OK : hr; // not a proxy: the object lives in this process
}

HRESULT tk_com_protect(const struct tk_com_session *session, IUnknown *proxy)
{
    struct identity i = {0};
    IUnknown *base = NULL;
    HRESULT hr;

    if (!session->user) {
        return set_blanket(proxy, NULL);
    }
    identity_set(&i, session);
    hr = set_blanket(proxy, &i.auth);
    if (SUCCEEDED(hr) && SUCCEEDED(IUnknown_QueryInterface(proxy, &IID_IUnknown, (void **)&base))) {
        hr = set_blanket(base, &i.auth); // Release and QueryInterface travel, too
        IUnknown_Release(base);
    }
    identity_clear(&i);
    return hr;
}

// ---- connecting

static BSTR place_of(const struct tk_com_session *session, const char *name_space)
{
    char *text =
        session->host ? tk_sprintf("\\\\%s\\%s", session->host, name_space) : tk_strdup(name_space);
    BSTR place;

    for (char *p = text; *p; p++) {
        *p = *p == '/' ? '\\' : *p;
    }
    place = tk_com_bstr(text);
    tk_free(text);
    return place;
}

static HRESULT connect_server(IWbemServices **out, const struct tk_com_session *session,
                              const char *name_space)
{
    IWbemLocator *locator = NULL;
    BSTR place = place_of(session, name_space);
    BSTR locale = SysAllocString(LOCALE);
    BSTR user = tk_com_bstr(session->user), password = tk_com_bstr(session->password);
    HRESULT hr = CoCreateInstance(&CLSID_WbemLocator, NULL, CLSCTX_INPROC_SERVER, &IID_IWbemLocator,
                                  (void **)&locator);

    if (SUCCEEDED(hr)) {
        hr = IWbemLocator_ConnectServer(locator, place, user, password, locale,
                                        WBEM_FLAG_CONNECT_USE_MAX_WAIT, NULL, NULL, out);
    }
    if (SUCCEEDED(hr)) {
        hr = tk_com_protect(session, (IUnknown *)*out);
        if (FAILED(hr)) {
            IWbemServices_Release(*out);
            *out = NULL;
        }
    }
    if (locator) {
        IWbemLocator_Release(locator);
    }
    if (password) {
        SecureZeroMemory(password, SysStringByteLen(password));
    }
    SysFreeString(password);
    SysFreeString(user);
    SysFreeString(locale);
    SysFreeString(place);
    return hr;
}

static void free_space(struct tk_com_space *space)
{
    while (space->classes) {
        struct class_entry *entry = space->classes;

        space->classes = entry->next;
        IWbemClassObject_Release(entry->definition);
        tk_free(entry->name);
        tk_free(entry);
    }
    IWbemServices_Release(space->services);
    tk_free(space->prefix);
    tk_free(space->name);
    tk_free(space);
}

void tk_com_space_drop(struct tk_com_space *space)
{
    if (space && atomic_fetch_sub(&space->refs, 1) == 1) {
        free_space(space);
    }
}

// With the session's lock held.
static struct tk_com_space *find_space(struct tk_com_session *session, const char *name)
{
    for (struct tk_com_space *space = session->spaces; space; space = space->next) {
        if (tk_cim_same_name(space->name, name)) {
            atomic_fetch_add(&space->refs, 1);
            return space;
        }
    }
    return NULL;
}

static struct tk_com_space *keep_space(struct tk_com_session *session, const char *name,
                                       IWbemServices *services)
{
    struct tk_com_space *space;

    AcquireSRWLockExclusive(&session->lock);
    space = find_space(session, name);
    if (!space) {
        space = tk_alloc(sizeof *space);
        atomic_init(&space->refs, 2); // the list's and the caller's
        InitializeSRWLock(&space->lock);
        space->name = tk_strdup(name);
        space->prefix = tk_strdup("");
        space->services = services;
        space->next = session->spaces;
        session->spaces = space;
        services = NULL;
    }
    ReleaseSRWLockExclusive(&session->lock);
    if (services) {
        IWbemServices_Release(services);
    }
    return space;
}

int tk_com_space_get(struct tk_com_space **out, bool *fresh, struct tk_com_session *session,
                     const char *name_space, struct tk_com_work *work)
{
    IWbemServices *services = NULL;
    char *what;
    HRESULT hr;

    AcquireSRWLockExclusive(&session->lock);
    *out = find_space(session, name_space);
    ReleaseSRWLockExclusive(&session->lock);
    *fresh = !*out;
    if (*out) {
        return 0;
    }
    tk_com_step(work, "connecting", session->connect_ms, false);
    hr = connect_server(&services, session, name_space);
    if (FAILED(hr)) {
        what = tk_sprintf("%s on %s", name_space, session->shown);
        tk_com_fail(&work->err, hr, what);
        tk_free(what);
        return -1;
    }
    *out = keep_space(session, name_space, services);
    return 0;
}

void tk_com_space_forget(struct tk_com_session *session, struct tk_com_space *space)
{
    bool found = false;

    AcquireSRWLockExclusive(&session->lock);
    for (struct tk_com_space **at = &session->spaces; *at && !found;) {
        if (*at == space) {
            *at = space->next;
            found = true;
        } else {
            at = &(*at)->next;
        }
    }
    ReleaseSRWLockExclusive(&session->lock);
    if (found) {
        tk_com_space_drop(space);
    }
}

void tk_com_session_drop(struct tk_com_session *session)
{
    if (!session || atomic_fetch_sub(&session->refs, 1) != 1) {
        return;
    }
    while (session->spaces) {
        struct tk_com_space *space = session->spaces;

        session->spaces = space->next;
        tk_com_space_drop(space);
    }
    if (session->password) {
        SecureZeroMemory(session->password, strlen(session->password));
    }
    tk_free(session->host);
    tk_free(session->shown);
    tk_free(session->user);
    tk_free(session->password);
    tk_free(session);
}

IWbemServices *tk_com_services(const struct tk_com_space *space)
{
    return space->services;
}

char *tk_com_prefix(struct tk_com_space *space)
{
    char *copy;

    AcquireSRWLockExclusive(&space->lock);
    copy = tk_strdup(space->prefix);
    ReleaseSRWLockExclusive(&space->lock);
    return copy;
}

bool tk_com_is_semisynchronous(struct tk_com_space *space)
{
    bool is;

    AcquireSRWLockExclusive(&space->lock);
    is = space->semisynchronous;
    ReleaseSRWLockExclusive(&space->lock);
    return is;
}

// ---- objects by path

HRESULT tk_com_wait(IWbemCallResult *result, IWbemClassObject **out, struct tk_com_work *work)
{
    LONG status = WBEM_S_NO_ERROR;
    HRESULT hr;

    do {
        if (!tk_com_may_wait(work)) {
            return S_FALSE;
        }
        hr = IWbemCallResult_GetCallStatus(result, tk_com_slice(work), &status);
    } while (hr == (HRESULT)WBEM_S_TIMEDOUT);
    if (FAILED(hr)) {
        return hr;
    }
    hr = IWbemCallResult_GetResultObject(result, 0, out);
    if (FAILED(status)) { // asked for all the same, because that leaves the words on the thread
        return FAILED(hr) ? hr : (HRESULT)status;
    }
    return hr == (HRESULT)WBEM_S_TIMEDOUT ? (HRESULT)WBEM_E_FAILED : hr;
}

// An implementation that knows no semi-synchronous calls (Wine's) gives the object at once and no
// result; the documents leave open whether both may be asked for, so a refusal of that is met by
// asking for one. What was seen decides how methods are called, of which none is tried twice.
HRESULT tk_com_get_object(IWbemClassObject **out, struct tk_com_space *space,
                          struct tk_com_session *session, const char *path,
                          struct tk_com_work *work)
{
    IWbemCallResult *result = NULL;
    BSTR name = tk_com_bstr(path);
    HRESULT hr;

    *out = NULL;
    hr = IWbemServices_GetObject(space->services, name, WBEM_FLAG_RETURN_IMMEDIATELY, NULL, out,
                                 &result);
    if (hr == (HRESULT)WBEM_E_INVALID_PARAMETER && !*out && !result) {
        hr = IWbemServices_GetObject(space->services, name, WBEM_FLAG_RETURN_IMMEDIATELY, NULL,
                                     NULL, &result);
    }
    if (SUCCEEDED(hr) && result) {
        AcquireSRWLockExclusive(&space->lock);
        space->semisynchronous = true;
        ReleaseSRWLockExclusive(&space->lock);
        hr = tk_com_protect(session, (IUnknown *)result);
        if (SUCCEEDED(hr) && !*out) {
            hr = tk_com_wait(result, out, work);
        }
    }
    if (result) {
        IWbemCallResult_Release(result);
    }
    SysFreeString(name);
    return SUCCEEDED(hr) && hr != S_FALSE && !*out ? (HRESULT)WBEM_E_NOT_FOUND : hr;
}

// ---- classes

static IWbemClassObject *known_class(struct tk_com_space *space, const char *name)
{
    IWbemClassObject *found = NULL;

    AcquireSRWLockExclusive(&space->lock);
    for (struct class_entry *entry = space->classes; entry && !found; entry = entry->next) {
        if (tk_cim_same_name(entry->name, name)) {
            found = entry->definition;
            IWbemClassObject_AddRef(found);
        }
    }
    ReleaseSRWLockExclusive(&space->lock);
    return found;
}

// "\\HOST\root\cimv2:Class" -> with the colon at its end.
static char *prefix_of(IWbemClassObject *definition)
{
    VARIANT v;
    char *path = NULL, *colon, *prefix = NULL;

    VariantInit(&v);
    if (SUCCEEDED(IWbemClassObject_Get(definition, L"__PATH", 0, &v, NULL, NULL)) &&
        V_VT(&v) == VT_BSTR) {
        path = tk_com_utf8(V_BSTR(&v), SysStringLen(V_BSTR(&v)));
        colon = path ? strchr(path, ':') : NULL;
        prefix = colon ? tk_strndup(path, (size_t)(colon - path + 1)) : NULL;
    }
    VariantClear(&v);
    tk_free(path);
    return prefix;
}

static void keep_class(struct tk_com_space *space, const char *name, IWbemClassObject *definition)
{
    struct class_entry *entry = tk_alloc(sizeof *entry);
    char *prefix = prefix_of(definition);

    entry->name = tk_strdup(name);
    entry->definition = definition;
    IWbemClassObject_AddRef(definition);
    AcquireSRWLockExclusive(&space->lock);
    entry->next = space->classes;
    space->classes = entry;
    if (prefix && !space->prefix[0]) {
        tk_free(space->prefix);
        space->prefix = prefix;
        prefix = NULL;
    }
    ReleaseSRWLockExclusive(&space->lock);
    tk_free(prefix);
}

HRESULT tk_com_class(IWbemClassObject **out, struct tk_com_space *space,
                     struct tk_com_session *session, const char *name, struct tk_com_work *work)
{
    HRESULT hr;

    *out = known_class(space, name);
    if (*out) {
        return WBEM_S_NO_ERROR;
    }
    hr = tk_com_get_object(out, space, session, name, work);
    if (SUCCEEDED(hr) && *out) {
        keep_class(space, name, *out);
    }
    return hr;
}
