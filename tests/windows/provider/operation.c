// Semi-synchronous calls: a thread asks the lab, and IEnumWbemClassObject or IWbemCallResult waits
// for it. See provider.h.
#include <string.h>

#include "provider.h"

#define FOREVER_MS 600000

struct operation {
    IEnumWbemClassObject list_face;
    IWbemCallResult result_face;
    LONG refs;
    struct secured security;
    struct services *services;
    enum kind kind;
    char *text, *method;
    struct tk_cim_object *in;
    HANDLE done; // an event
    // results
    HRESULT hr;
    struct tk_failure failure;
    struct tk_cim_list list;
    struct tk_cim_object *out;
    IWbemClassObject *ready;
    size_t at;
};

static HRESULT STDMETHODCALLTYPE refuse(void *self)
{
    (void)self;
    return E_NOTIMPL;
}

// ---- life

static ULONG add_ref(struct operation *o)
{
    return (ULONG)InterlockedIncrement(&o->refs);
}

static ULONG release(struct operation *o)
{
    LONG left = InterlockedDecrement(&o->refs);

    if (left == 0) {
        count(COUNT_LIVE, -1); // before the counts are written, which the last of a connection does
        if (o->ready) {
            IWbemClassObject_Release(o->ready);
        }
        drop_services(o->services);
        tk_free(o->text);
        tk_free(o->method);
        tk_cim_free(o->in);
        tk_cim_free(o->out);
        tk_cim_list_free(&o->list);
        CloseHandle(o->done);
        tk_free(o);
    }
    return (ULONG)left;
}

// ---- in the background

static HRESULT hresult_of(const struct tk_failure *f)
{
    uint32_t high = f->hresult >> 16;

    if (high == 0x8004 || high == 0x8007) {
        return (HRESULT)f->hresult;
    }
    switch (f->code) {
    case TK_WMI_ACCESS:
    case TK_WMI_AUTH:
        return (HRESULT)WBEM_E_ACCESS_DENIED;
    case TK_WMI_NOT_FOUND:
        return (HRESULT)WBEM_E_NOT_FOUND;
    case TK_WMI_BAD_QUERY:
        return (HRESULT)WBEM_E_INVALID_QUERY;
    case TK_WMI_BAD_CLASS:
        return (HRESULT)WBEM_E_INVALID_CLASS;
    case TK_WMI_BAD_PARAMETER:
        return (HRESULT)WBEM_E_INVALID_METHOD_PARAMETERS;
    case TK_WMI_UNREACHABLE: // RPC server unavailable, or the call failed on its way
        return (HRESULT)(f->maybe_executed ? 0x800706beu : 0x800706bau);
    case TK_WMI_TIMEOUT:
        return (HRESULT)0x800706beu;
    default:
        return f->maybe_executed ? (HRESULT)0x800706beu : (HRESULT)WBEM_E_FAILED;
    }
}

// The word after FROM, so that the objects of "SELECT a, b FROM Class" have types.
static char *class_of_query(const char *wql)
{
    for (const char *p = wql; *p; p++) {
        if (_strnicmp(p, " from ", 6) == 0) {
            p += 6;
            p += strspn(p, " ");
            return tk_strndup(p, strcspn(p, " \t"));
        }
    }
    return NULL;
}

// What the real one says of a class that is not there; WS-Management only says that it cannot
// process the query.
static bool has_class(struct operation *o)
{
    char *name = class_of_query(o->text);
    bool there = !name || class_in(o->services, name);

    if (!there) {
        tk_fail(&o->failure, TK_WMI_BAD_CLASS, "there is no class %.100s", name);
        o->failure.hresult = (uint32_t)WBEM_E_INVALID_CLASS;
    }
    tk_free(name);
    return there;
}

static DWORD WINAPI run(void *argument)
{
    struct operation *o = argument;
    struct tk_limit limit = tk_limit_in(FOREVER_MS);
    HANDLE done = NULL;
    int result;

    switch (o->kind) {
    case QUERY:
        result = has_class(o)
                     ? tk_wmi_query(&o->list, o->services->wmi, o->text, &limit, &o->failure)
                     : -1;
        break;
    case GET:
        result = tk_wmi_get(&o->out, o->services->wmi, o->text, &limit, &o->failure);
        break;
    default:
        result =
            tk_wmi_call(&o->out, o->services->wmi, o->text, o->method, o->in, &limit, &o->failure);
        break;
    }
    o->hr = result == 0 ? S_OK : hresult_of(&o->failure);
    // Whoever waits holds the last share then, so that nothing is there when it has let go.
    DuplicateHandle(GetCurrentProcess(), o->done, GetCurrentProcess(), &done, 0, FALSE,
                    DUPLICATE_SAME_ACCESS);
    release(o);
    SetEvent(done);
    CloseHandle(done);
    return 0;
}

static HRESULT wait_for(struct operation *o, LONG timeout_ms, const char *where)
{
    HRESULT hr = injected(where);

    if (FAILED(hr)) {
        return hr;
    }
    if (!o->security.protected) {
        leave_words("the interface has no blanket of packet privacy");
        return (HRESULT)WBEM_E_ACCESS_DENIED;
    }
    if (hangs(where)) {
        Sleep(timeout_ms < 0 ? INFINITE : (DWORD)timeout_ms);
        return WBEM_S_TIMEDOUT;
    }
    if (WaitForSingleObject(o->done, timeout_ms < 0 ? INFINITE : (DWORD)timeout_ms) !=
        WAIT_OBJECT_0) {
        return WBEM_S_TIMEDOUT;
    }
    if (FAILED(o->hr)) {
        leave_words(o->failure.message);
    }
    return o->hr;
}

// ---- the enumerator

static struct operation *from_list(IEnumWbemClassObject *face)
{
    return (struct operation *)((char *)face - offsetof(struct operation, list_face));
}

static ULONG STDMETHODCALLTYPE list_add_ref(IEnumWbemClassObject *self)
{
    return add_ref(from_list(self));
}

static ULONG STDMETHODCALLTYPE list_release(IEnumWbemClassObject *self)
{
    return release(from_list(self));
}

static HRESULT STDMETHODCALLTYPE list_query(IEnumWbemClassObject *self, REFIID iid, void **out)
{
    struct operation *o = from_list(self);

    *out = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IEnumWbemClassObject)
               ? (void *)self
           : IsEqualIID(iid, &IID_IClientSecurity) ? (void *)&o->security.face
                                                   : NULL;
    if (!*out) {
        return E_NOINTERFACE;
    }
    add_ref(o);
    return S_OK;
}

static IWbemClassObject *hand_out(struct operation *o, struct tk_cim_object *cim)
{
    const struct class *c;
    char *name;

    if (!cim->class_name[0]) {
        name = class_of_query(o->text);
        tk_free(cim->class_name);
        cim->class_name = name ? name : tk_strdup("");
    }
    c = class_in(o->services, cim->class_name);
    return new_object(cim, c ? &c->properties : NULL, NULL, o->services->prefix);
}

static HRESULT STDMETHODCALLTYPE list_next(IEnumWbemClassObject *self, LONG timeout_ms,
                                           ULONG wanted, IWbemClassObject **objects,
                                           ULONG *returned)
{
    struct operation *o = from_list(self);
    DWORD slow_ms = (DWORD)control_number("slow.next");
    ULONGLONG until = GetTickCount64() + (ULONGLONG)(timeout_ms < 0 ? FOREVER_MS : timeout_ms);
    HRESULT hr;

    count(COUNT_NEXT, 1);
    *returned = 0;
    hr = wait_for(o, timeout_ms, "next");
    if (hr != S_OK) {
        return hr;
    }
    while (*returned < wanted && o->at < o->list.count) {
        if (slow_ms > 0) {
            if (*returned > 0 && GetTickCount64() + slow_ms > until) {
                return WBEM_S_TIMEDOUT;
            }
            Sleep(slow_ms);
        }
        objects[(*returned)++] = hand_out(o, o->list.items[o->at]);
        o->list.items[o->at++] = NULL;
    }
    return *returned < wanted ? WBEM_S_FALSE : WBEM_S_NO_ERROR;
}

static IEnumWbemClassObjectVtbl list_table = {
    .QueryInterface = list_query,
    .AddRef = list_add_ref,
    .Release = list_release,
    .Reset = (void *)refuse,
    .Next = list_next,
    .NextAsync = (void *)refuse,
    .Clone = (void *)refuse,
    .Skip = (void *)refuse,
};

// ---- the call result

static struct operation *from_result(IWbemCallResult *face)
{
    return (struct operation *)((char *)face - offsetof(struct operation, result_face));
}

static ULONG STDMETHODCALLTYPE result_add_ref(IWbemCallResult *self)
{
    return add_ref(from_result(self));
}

static ULONG STDMETHODCALLTYPE result_release(IWbemCallResult *self)
{
    return release(from_result(self));
}

static HRESULT STDMETHODCALLTYPE result_query(IWbemCallResult *self, REFIID iid, void **out)
{
    struct operation *o = from_result(self);

    *out = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IWbemCallResult) ? (void *)self
           : IsEqualIID(iid, &IID_IClientSecurity) ? (void *)&o->security.face
                                                   : NULL;
    if (!*out) {
        return E_NOINTERFACE;
    }
    add_ref(o);
    return S_OK;
}

static const struct fields *output_types(const struct operation *o)
{
    struct tk_cim_path path = {0};
    struct tk_failure ignored;
    const struct method *m = NULL;
    const struct class *c;

    if (o->kind == METHOD && tk_cim_path_parse(&path, o->text, &ignored) == 0) {
        m = find_method(class_in(o->services, path.keys->class_name), o->method);
    }
    tk_cim_path_free(&path);
    if (m) {
        return &m->out;
    }
    c = o->out ? class_in(o->services, o->out->class_name) : NULL;
    return c ? &c->properties : NULL;
}

static HRESULT STDMETHODCALLTYPE result_object(IWbemCallResult *self, LONG timeout_ms,
                                               IWbemClassObject **object)
{
    struct operation *o = from_result(self);
    HRESULT hr = wait_for(o, timeout_ms, o->kind == METHOD ? "output" : "result");

    *object = NULL;
    if (hr != S_OK) {
        return hr;
    }
    if (o->ready) {
        *object = o->ready;
        IWbemClassObject_AddRef(*object);
    } else if (o->out) {
        if (o->kind == METHOD) { // as WMI names it
            tk_free(o->out->class_name);
            o->out->class_name = tk_strdup("__PARAMETERS");
        }
        *object = new_object(tk_cim_copy(o->out), output_types(o), NULL, o->services->prefix);
    }
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE result_status(IWbemCallResult *self, LONG timeout_ms, LONG *status)
{
    struct operation *o = from_result(self);
    HRESULT hr = wait_for(o, timeout_ms, o->kind == METHOD ? "output" : "result");

    count(COUNT_WAIT, 1);
    if (hr == WBEM_S_TIMEDOUT) {
        return hr;
    }
    *status = hr;
    return S_OK;
}

static IWbemCallResultVtbl result_table = {
    .QueryInterface = result_query,
    .AddRef = result_add_ref,
    .Release = result_release,
    .GetResultObject = result_object,
    .GetResultString = (void *)refuse,
    .GetResultServices = (void *)refuse,
    .GetCallStatus = result_status,
};

// ---- making

static struct operation *new_operation(struct services *s, enum kind kind, const char *text)
{
    struct operation *o = tk_alloc(sizeof *o);

    o->list_face.lpVtbl = &list_table;
    o->result_face.lpVtbl = &result_table;
    o->refs = 1;
    o->services = s ? share_services(s) : NULL;
    o->kind = kind;
    o->text = tk_strdup(text);
    o->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    secure(&o->security, kind == QUERY ? (IUnknown *)&o->list_face : (IUnknown *)&o->result_face);
    count(COUNT_LIVE, 1);
    count(COUNT_MADE, 1);
    return o;
}

static void start(struct operation *o)
{
    HANDLE thread;

    add_ref(o);
    thread = CreateThread(NULL, 0, run, o, 0, NULL);
    if (thread) {
        CloseHandle(thread);
    } else {
        run(o);
    }
}

IEnumWbemClassObject *begin_query(struct services *s, const char *wql)
{
    struct operation *o = new_operation(s, QUERY, wql);

    start(o);
    return &o->list_face;
}

IWbemCallResult *begin_call(struct services *s, enum kind kind, const char *path,
                            const char *method, const struct tk_cim_object *in)
{
    struct operation *o = new_operation(s, kind, path);

    o->method = tk_strdup(method);
    o->in = tk_cim_copy(in);
    start(o);
    return &o->result_face;
}

IWbemCallResult *ready_result(IWbemClassObject *object, HRESULT hr)
{
    struct operation *o = new_operation(NULL, GET, "");

    o->ready = object;
    o->hr = hr;
    SetEvent(o->done);
    return &o->result_face;
}
