// IWbemServices of one node and namespace: see provider.h. What is refused is what the real one
// refuses, or what the program has no reason to ask for.
#include <stdlib.h>
#include <string.h>

#include "provider.h"

static struct services *from_face(IWbemServices *face)
{
    return (struct services *)face;
}

static HRESULT STDMETHODCALLTYPE refuse(void *self)
{
    (void)self;
    return E_NOTIMPL;
}

struct services *share_services(struct services *s)
{
    InterlockedIncrement(&s->refs);
    return s;
}

void drop_services(struct services *s)
{
    if (s && InterlockedDecrement(&s->refs) == 0) {
        tk_wmi_close(s->wmi);
        tk_free(s->name_space);
        tk_free(s->prefix);
        tk_free(s);
        count(COUNT_LIVE, -1);
        write_counts();
    }
}

const struct class *class_in(const struct services *s, const char *name)
{
    return s ? find_class(s->name_space, name) : NULL;
}

static ULONG STDMETHODCALLTYPE add_ref(IWbemServices *self)
{
    return (ULONG)InterlockedIncrement(&from_face(self)->refs);
}

static ULONG STDMETHODCALLTYPE release(IWbemServices *self)
{
    LONG left = from_face(self)->refs - 1;

    drop_services(from_face(self));
    return (ULONG)left;
}

static HRESULT STDMETHODCALLTYPE query(IWbemServices *self, REFIID iid, void **out)
{
    *out = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IWbemServices) ? (void *)self
           : IsEqualIID(iid, &IID_IClientSecurity) ? (void *)&from_face(self)->security.face
                                                   : NULL;
    if (!*out) {
        return E_NOINTERFACE;
    }
    add_ref(self);
    return S_OK;
}

// What comes before every call.
static HRESULT admit(struct services *s, const char *where)
{
    HRESULT hr = injected(where);

    if (hangs(where)) {
        Sleep(INFINITE);
    }
    if (SUCCEEDED(hr) && !s->security.protected) {
        leave_words("the namespace has no blanket of packet privacy");
        return (HRESULT)WBEM_E_ACCESS_DENIED;
    }
    return hr;
}

static bool is_class_name(const char *path)
{
    return !strchr(path, '.') && !strchr(path, '=');
}

// Both ways of asking: the result at once, or a call result.
static HRESULT answer(IWbemCallResult *result, LONG flags, IWbemClassObject **object,
                      IWbemCallResult **call_result)
{
    IClientSecurity *security = NULL;
    HRESULT hr = S_OK;

    if (flags & WBEM_FLAG_RETURN_IMMEDIATELY) {
        *call_result = result;
        return S_OK;
    }
    if (SUCCEEDED(
            IWbemCallResult_QueryInterface(result, &IID_IClientSecurity, (void **)&security))) {
        IClientSecurity_SetBlanket(security, (IUnknown *)result, 0, 0, NULL,
                                   RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_IMPERSONATE, NULL,
                                   0);
        IClientSecurity_Release(security);
    }
    hr = IWbemCallResult_GetResultObject(result, (LONG)WBEM_INFINITE, object);
    IWbemCallResult_Release(result);
    return hr;
}

static HRESULT STDMETHODCALLTYPE get_object(IWbemServices *self, const BSTR wide, LONG flags,
                                            IWbemContext *context, IWbemClassObject **object,
                                            IWbemCallResult **result)
{
    struct services *s = from_face(self);
    char *path = to_utf8(wide);
    const struct class *c = is_class_name(path) ? class_in(s, path) : NULL;
    bool is_class = is_class_name(path);
    HRESULT hr = admit(s, is_class ? "class" : "get");

    (void)context;
    count(is_class ? COUNT_CLASS : COUNT_GET, 1);
    if ((flags & WBEM_FLAG_RETURN_IMMEDIATELY) && !result) {
        hr = (HRESULT)WBEM_E_INVALID_PARAMETER;
    } else if (SUCCEEDED(hr) && is_class && !c) {
        hr = (HRESULT)WBEM_E_NOT_FOUND;
    } else if (SUCCEEDED(hr) && is_class) {
        hr = answer(
            ready_result(new_object(tk_cim_new(c->name), &c->properties, c, s->prefix), S_OK),
            flags, object, result);
    } else if (SUCCEEDED(hr)) {
        hr = answer(begin_call(s, GET, path, NULL, NULL), flags, object, result);
    }
    tk_free(path);
    return hr;
}

static HRESULT STDMETHODCALLTYPE exec_query(IWbemServices *self, const BSTR language,
                                            const BSTR wide, LONG flags, IWbemContext *context,
                                            IEnumWbemClassObject **out)
{
    struct services *s = from_face(self);
    char *wql = to_utf8(wide), *dialect = to_utf8(language);
    HRESULT hr = admit(s, "query");

    (void)context;
    count(COUNT_QUERY, 1);
    *out = NULL;
    if (SUCCEEDED(hr) && strcmp(dialect, "WQL") != 0) {
        hr = (HRESULT)WBEM_E_INVALID_QUERY_TYPE;
    } else if (SUCCEEDED(hr) && flags != (WBEM_FLAG_FORWARD_ONLY | WBEM_FLAG_RETURN_IMMEDIATELY)) {
        hr = (HRESULT)WBEM_E_INVALID_PARAMETER;
    } else if (SUCCEEDED(hr)) {
        *out = begin_query(s, wql);
    }
    tk_free(dialect);
    tk_free(wql);
    return hr;
}

static HRESULT STDMETHODCALLTYPE exec_method(IWbemServices *self, const BSTR wide,
                                             const BSTR wide_method, LONG flags,
                                             IWbemContext *context, IWbemClassObject *in,
                                             IWbemClassObject **object, IWbemCallResult **result)
{
    struct services *s = from_face(self);
    char *path = to_utf8(wide), *method = to_utf8(wide_method);
    bool immediately = (flags & WBEM_FLAG_RETURN_IMMEDIATELY) != 0;
    HRESULT hr = admit(s, "method");

    (void)context;
    count(COUNT_METHOD, 1);
    if (SUCCEEDED(hr) && (immediately ? !result || object : !object)) {
        hr = (HRESULT)WBEM_E_INVALID_PARAMETER;
    } else if (SUCCEEDED(hr)) {
        hr = answer(begin_call(s, METHOD, path, method, cim_of(in)), flags, object, result);
    }
    tk_free(method);
    tk_free(path);
    return hr;
}

static IWbemServicesVtbl table = {
    .QueryInterface = query,
    .AddRef = add_ref,
    .Release = release,
    .OpenNamespace = (void *)refuse,
    .CancelAsyncCall = (void *)refuse,
    .QueryObjectSink = (void *)refuse,
    .GetObject = get_object,
    .GetObjectAsync = (void *)refuse,
    .PutClass = (void *)refuse,
    .PutClassAsync = (void *)refuse,
    .DeleteClass = (void *)refuse,
    .DeleteClassAsync = (void *)refuse,
    .CreateClassEnum = (void *)refuse,
    .CreateClassEnumAsync = (void *)refuse,
    .PutInstance = (void *)refuse,
    .PutInstanceAsync = (void *)refuse,
    .DeleteInstance = (void *)refuse,
    .DeleteInstanceAsync = (void *)refuse,
    .CreateInstanceEnum = (void *)refuse,
    .CreateInstanceEnumAsync = (void *)refuse,
    .ExecQuery = exec_query,
    .ExecQueryAsync = (void *)refuse,
    .ExecNotificationQuery = (void *)refuse,
    .ExecNotificationQueryAsync = (void *)refuse,
    .ExecMethod = exec_method,
    .ExecMethodAsync = (void *)refuse,
};

static char *prefix_of(const char *node, const char *name_space)
{
    char *prefix = tk_sprintf("\\\\%s\\%s:", node, name_space);

    for (char *p = prefix; *p; p++) {
        *p = *p == '/' ? '\\' : *p;
    }
    return prefix;
}

// Where a node's lab is: as the control file says, or a host called "name.port" on this machine.
static char *url_of(const char *node)
{
    char *key = tk_sprintf("node.%s", node);
    char *url = control(key);
    const char *dot = strrchr(node, '.');

    if (!url && dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1)) {
        url = tk_sprintf("http://127.0.0.1:%s/wsman", dot + 1);
    }
    tk_free(key);
    return url;
}

HRESULT new_services(IWbemServices **out, const char *node, const char *name_space,
                     const char *given_user, const char *given_password)
{
    char *url = url_of(node), *user = control("user"), *password = control("password");
    struct tk_wmi_options options = {.transport = "wsman",
                                     .url = url,
                                     .name_space = name_space,
                                     .user = user ? user : given_user,
                                     .password = password ? password : given_password,
                                     .auth = user || given_user ? "basic" : "none", // the lab's
                                     .timeout_ms = 300000};
    struct tk_failure ignored;
    struct services *s;
    HRESULT hr = (HRESULT)0x800706bau; // no such host

    if (url) {
        s = tk_alloc(sizeof *s);
        s->face.lpVtbl = &table;
        s->refs = 1;
        secure(&s->security, (IUnknown *)&s->face);
        s->name_space = tk_strdup(name_space);
        s->prefix = prefix_of(node, name_space);
        hr = tk_wmi_open(&s->wmi, &options, &ignored) == 0 ? S_OK : E_FAIL;
        count(COUNT_LIVE, 1);
        count(COUNT_MADE, 1);
        if (SUCCEEDED(hr)) {
            *out = &s->face;
        } else {
            drop_services(s);
        }
    }
    tk_free(password);
    tk_free(user);
    tk_free(url);
    return hr;
}
