// WMI over COM: IWbemLocator and IWbemServices, on this machine or, by DCOM, on another one. A
// request is a piece of work with copies of everything it needs (wmi_com.h), because a call of COM
// may have to be left behind. Semi-synchronous calls are waited for in slices, so that cancel and
// deadlines count although the service is slow.
//
// What only reads is asked once more when the connection turns out to be broken (the service was
// restarted since); a method is handed over once, and whenever its answer is not seen the failure
// says whether it may have been executed.
#include "wmi_com.h"

#include <oleauto.h>
#include <string.h>

#define CONNECT_MS       10000
#define REQUEST_MS       60000
#define CLOSE_MS         500
#define MAX_ANSWER_BYTES (32u * 1024 * 1024)
#define BATCH_ITEMS      100

static void release_request(struct tk_com_work *work)
{
    struct tk_com_request *r = (struct tk_com_request *)work;

    tk_com_session_drop(r->session);
    tk_free(r->name_space);
    tk_free(r->text);
    tk_free(r->method);
    tk_cim_free(r->in);
    tk_cim_list_free(&r->list);
    tk_cim_free(r->out);
    tk_free(r);
}

struct tk_com_request *tk_com_request(struct tk_com_session *session,
                                      int (*run)(struct tk_com_work *work), const char *name_space,
                                      const char *text, const struct tk_limit *limit)
{
    struct tk_com_request *r = tk_alloc(sizeof *r);

    r->work.run = run;
    r->work.release = release_request;
    r->work.limit = *limit;
    r->work.reads = true;
    r->work.host = session->shown;
    r->session = session;
    atomic_fetch_add(&session->refs, 1);
    r->name_space = tk_strdup(name_space);
    r->text = tk_strdup(text);
    return r;
}

// A failure of the service about this request.
int tk_com_failed(struct tk_com_request *r, HRESULT hr)
{
    if (tk_com_is_broken(hr)) {
        r->broken = hr;
    }
    return tk_com_fail(&r->work.err, hr, r->name_space);
}

// Does `once` on a connected namespace; when a kept connection turns out to be broken, that is
// forgotten, and what reads is done again on a new one.
static int on_space(struct tk_com_request *r,
                    int (*once)(struct tk_com_request *r, struct tk_com_space *space))
{
    struct tk_com_space *space;
    bool fresh;
    int result;

    do {
        if (tk_com_space_get(&space, &fresh, r->session, r->name_space, &r->work) != 0) {
            return -1;
        }
        r->broken = S_OK;
        tk_com_step(&r->work, r->method ? "a method" : "a query", r->session->request_ms, false);
        result = once(r, space);
        if (r->broken != S_OK) {
            tk_com_space_forget(r->session, space);
        }
        tk_com_space_drop(space);
    } while (r->broken != S_OK && !fresh && r->work.reads && tk_limit_left_ms(&r->work.limit) > 0);
    return result;
}

// ---- query

static int take_items(struct tk_com_request *r, IWbemClassObject **items, ULONG count,
                      uint64_t *budget, int result)
{
    for (ULONG i = 0; i < count; i++) {
        struct tk_cim_object *o = NULL;

        if (result == 0 && r->list.count >= TK_COM_MAX_ITEMS) {
            result = tk_fail(&r->work.err, TK_WMI_TOO_LARGE, "the query gives more than %d objects",
                             TK_COM_MAX_ITEMS);
        }
        if (result == 0) {
            result = tk_com_object(&o, items[i], r->name_space, budget, 0, &r->work.err);
        }
        if (o) {
            tk_cim_list_add(&r->list, o);
        }
        IWbemClassObject_Release(items[i]);
    }
    return result;
}

static int read_all(struct tk_com_request *r, IEnumWbemClassObject *objects)
{
    IWbemClassObject *items[BATCH_ITEMS];
    uint64_t budget = r->session->max_bytes;
    HRESULT hr = WBEM_S_NO_ERROR;
    int result = 0;

    while (result == 0 && (hr == WBEM_S_NO_ERROR || hr == (HRESULT)WBEM_S_TIMEDOUT)) {
        ULONG count = 0;

        if (!tk_com_may_wait(&r->work)) {
            return -1;
        }
        memset(items, 0, sizeof items);
        hr = IEnumWbemClassObject_Next(objects, tk_com_slice(&r->work), BATCH_ITEMS, items, &count);
        result = take_items(r, items, count <= BATCH_ITEMS ? count : 0, &budget, 0);
        if (result == 0 && FAILED(hr)) {
            result = tk_com_failed(r, hr);
        }
    }
    return result;
}

static int query_once(struct tk_com_request *r, struct tk_com_space *space)
{
    IEnumWbemClassObject *objects = NULL;
    BSTR language = SysAllocString(L"WQL");
    BSTR wql = tk_com_bstr(r->text);
    HRESULT hr = IWbemServices_ExecQuery(tk_com_services(space), language, wql,
                                         WBEM_FLAG_FORWARD_ONLY | WBEM_FLAG_RETURN_IMMEDIATELY,
                                         NULL, &objects);
    int result = -1;

    SysFreeString(wql);
    SysFreeString(language);
    tk_cim_list_free(&r->list);
    if (SUCCEEDED(hr)) {
        hr = tk_com_protect(r->session, (IUnknown *)objects);
    }
    result = SUCCEEDED(hr) ? read_all(r, objects) : tk_com_failed(r, hr);
    if (objects) {
        IEnumWbemClassObject_Release(objects);
    }
    return result;
}

static int query_run(struct tk_com_work *work)
{
    return on_space((struct tk_com_request *)work, query_once);
}

static int com_query(void *self, const char *name_space, const char *wql, struct tk_cim_list *out,
                     const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_com_request *r = tk_com_request(self, query_run, name_space, wql, limit);
    bool left;
    int result = tk_com_run(&r->work, &left, err);

    if (left) {
        return result;
    }
    if (result == 0) {
        *out = r->list;
        memset(&r->list, 0, sizeof r->list);
    }
    release_request(&r->work);
    return result;
}

// ---- get

// The path within its namespace, which may be another one than the handle's.
static int split_path(struct tk_com_request *r, struct tk_cim_path *path, struct tk_failure *err)
{
    if (tk_cim_path_parse(path, r->text, err) != 0) {
        return -1;
    }
    if (path->name_space) {
        tk_free(r->name_space);
        r->name_space = path->name_space;
        path->name_space = NULL;
    }
    return 0;
}

static int get_once(struct tk_com_request *r, struct tk_com_space *space)
{
    IWbemClassObject *object = NULL;
    uint64_t budget = r->session->max_bytes;
    HRESULT hr = tk_com_get_object(&object, space, r->session, r->text, &r->work);
    int result = -1;

    if (FAILED(hr)) {
        tk_com_failed(r, hr);
    } else if (object) {
        result = tk_com_object(&r->out, object, r->name_space, &budget, 0, &r->work.err);
    }
    if (object) {
        IWbemClassObject_Release(object);
    }
    return result;
}

int tk_com_on_path(struct tk_com_request *r,
                   int (*once)(struct tk_com_request *r, struct tk_com_space *space))
{
    struct tk_cim_path path = {0};
    bool is_class = !strstr(r->text, "=@"); // of a static method; "=@" is the only instance

    if (split_path(r, &path, &r->work.err) != 0) {
        return -1;
    }
    tk_free(r->text);
    r->text = is_class && path.keys->count == 0 ? tk_strdup(path.keys->class_name)
                                                : tk_cim_path_format(&path);
    tk_cim_path_free(&path);
    return on_space(r, once);
}

static int get_run(struct tk_com_work *work)
{
    return tk_com_on_path((struct tk_com_request *)work, get_once);
}

// Runs a request that gives one object.
int tk_com_run_for_object(struct tk_com_request *r, struct tk_cim_object **out,
                          struct tk_failure *err)
{
    bool left;
    int result = tk_com_run(&r->work, &left, err);

    if (left) {
        return result;
    }
    if (result == 0) {
        *out = r->out;
        r->out = NULL;
    }
    release_request(&r->work);
    return result;
}

static int com_get(void *self, const char *name_space, const char *path, struct tk_cim_object **out,
                   const struct tk_limit *limit, struct tk_failure *err)
{
    return tk_com_run_for_object(tk_com_request(self, get_run, name_space, path, limit), out, err);
}

// ---- identify

static int com_identify(void *self, struct tk_cim_object **out, const struct tk_limit *limit,
                        struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    const struct tk_cim_object *system;
    const char *vendor, *version;
    char *text;
    int result =
        com_query(self, "root/cimv2", "SELECT * FROM Win32_OperatingSystem", &list, limit, err);

    if (result == 0 && list.count == 0) {
        result = tk_fail(err, TK_WMI_BAD_ANSWER, "the host tells no operating system");
    }
    if (result == 0) {
        system = list.items[0];
        vendor = tk_cim_text(system, "Manufacturer");
        version = tk_cim_text(system, "Version");
        *out = tk_cim_new("IdentifyResponse");
        text = tk_sprintf("OS: %s", version ? version : "0.0.0");
        tk_cim_set(*out, "ProductVendor", TK_CIM_STRING, vendor ? vendor : "Microsoft Corporation");
        tk_cim_set(*out, "ProductVersion", TK_CIM_STRING, text);
        tk_cim_set(*out, "ProtocolVersion", TK_CIM_STRING, "COM");
        tk_free(text);
    }
    tk_cim_list_free(&list);
    return result;
}

// ---- opening and closing

// Interfaces are released in the apartment that they belong to; a host that is gone must not hold
// up the caller for long.
static int close_and_release(struct tk_com_work *work)
{
    struct tk_com_request *r = (struct tk_com_request *)work;

    tk_com_session_drop(r->session);
    r->session = NULL;
    return 0;
}

static void com_close(void *self)
{
    struct tk_com_session *session = self;
    struct tk_limit limit = tk_limit_in(CLOSE_MS);
    struct tk_failure ignored;
    struct tk_com_request *r;
    bool left;

    if (!session->spaces) {
        tk_com_session_drop(session);
        return;
    }
    r = tk_com_request(session, close_and_release, "", NULL, &limit);
    r->work.reads = false; // not cut short by cancel
    r->work.host = "";
    atomic_fetch_sub(&session->refs, 1); // the handle's share; the request has one
    tk_com_run(&r->work, &left, &ignored);
    if (!left) {
        release_request(&r->work);
    }
}

static const struct tk_wmi_transport com_transport = {
    .identify = com_identify,
    .query = com_query,
    .get = com_get,
    .call = tk_com_call,
    .close = com_close,
};

static int open_session(const struct tk_wmi_transport **transport, void **self,
                        const struct tk_wmi_options *o, const char *host)
{
    struct tk_com_session *session = tk_alloc(sizeof *session);

    atomic_init(&session->refs, 1);
    InitializeSRWLock(&session->lock);
    session->host = tk_strdup(host);
    session->shown = tk_strdup(host ? host : "this machine");
    session->user = tk_strdup(o->user);
    session->password = tk_strdup(o->password);
    session->connect_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_MS;
    session->request_ms = o->timeout_ms ? o->timeout_ms : REQUEST_MS;
    session->max_bytes = o->max_answer_bytes ? o->max_answer_bytes : MAX_ANSWER_BYTES;
    *transport = &com_transport;
    *self = session;
    return 0;
}

// Options that only WS-Management has.
static int refuse_foreign(const struct tk_wmi_options *o, const char *transport,
                          struct tk_failure *err)
{
    const char *name = o->url        ? "url"
                       : o->auth     ? "auth"
                       : o->ca_file  ? "ca"
                       : o->insecure ? "insecure"
                                     : NULL;

    if (!name) {
        return 0;
    }
    return tk_fail(err, TK_WMI_BAD_PARAMETER, "the transport \"%s\" takes no %s", transport, name);
}

static int open_local(const struct tk_wmi_transport **transport, void **self,
                      const struct tk_wmi_options *o, struct tk_failure *err)
{
    if (refuse_foreign(o, "local", err) != 0) {
        return -1;
    }
    if (o->host || o->user || o->password) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER,
                       "the transport \"local\" reaches this machine as the running user: it takes "
                       "no %s",
                       o->host ? "host" : "user or password");
    }
    return open_session(transport, self, o, NULL);
}

static int open_dcom(const struct tk_wmi_transport **transport, void **self,
                     const struct tk_wmi_options *o, struct tk_failure *err)
{
    if (refuse_foreign(o, "dcom", err) != 0) {
        return -1;
    }
    if (!o->host || !*o->host || strpbrk(o->host, "/\\?#@ \t\r\n\"<>:")) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "\"%.200s\" is not a host",
                       o->host ? o->host : "");
    }
    return open_session(transport, self, o, o->host);
}

const struct tk_wmi_transport_entry tk_wmi_platform_transports[] = {
    {"local", open_local},
    {"dcom", open_dcom},
    {NULL, NULL},
};
