// The pieces that the COM transport of WMI is made of: threads, connections to namespaces, values
// and failures. Only for the *_com.c files of wmi. UTF-16, VARIANT and interface pointers live
// here; what leaves is UTF-8 and struct tk_cim_object.
#ifndef TK_WMI_COM_H
#define TK_WMI_COM_H

#ifndef COBJMACROS
#define COBJMACROS
#endif
#include <stdatomic.h>
#include <windows.h>
#include <wbemcli.h>

#include "runtime/limit.h"
#include "wmi/cim/cim.h"
#include "wmi/wmi.h"

#define TK_COM_SLICE_MS   100 // of one wait inside COM, so that cancel and deadlines are seen
#define TK_COM_MAX_ITEMS  100000
#define TK_COM_NESTING    8 // objects inside objects
#define TK_COM_MAX_ARRAY  1000000
#define TK_COM_BAD_METHOD 0x8004102eu // WBEM_E_INVALID_METHOD
#define TK_COM_BAD_INPUT  0x8004102fu // WBEM_E_INVALID_METHOD_PARAMETERS

// ---- wmi_thread_com.c: where COM runs

// One piece of work on a thread of its own, in the multithreaded apartment. Calls of COM may hang
// whatever they promise (a service that no longer answers), so the caller waits beside the work and
// leaves it behind when its time is up: therefore the work owns everything that it touches.
struct tk_com_work {
    int (*run)(struct tk_com_work *work);      // 0, or -1 with work->err filled
    void (*release)(struct tk_com_work *work); // frees it; after run, on either thread
    struct tk_limit limit;                     // of the whole
    bool reads;                                // given up when the run is cancelled
    struct tk_failure err;
    // From here on only by way of the functions below.
    struct tk_limit step;  // of what is going on now
    const char *step_name; // for messages
    const char *host;      // for messages; must outlive the work
    bool step_executes;    // a method has been handed over
    bool begun, done, left;
    int result;
    struct tk_com_work *next;
};

// Runs it and waits for it. -1 also when it was left behind (then *err tells so, and the work frees
// itself later); else the caller reads its results and releases it: *left tells which.
int tk_com_run(struct tk_com_work *work, bool *left, struct tk_failure *err);
// What the work does now and how long at most; `executes`: a method that may take effect.
void tk_com_step(struct tk_com_work *work, const char *name, int64_t at_most_ms, bool executes);
// Whether waiting may go on. False: *err tells why (time or cancel).
bool tk_com_may_wait(struct tk_com_work *work);
// Milliseconds that the next wait inside COM may take.
LONG tk_com_slice(const struct tk_com_work *work);

struct tk_com_session;

// ---- wmi_com.c: requests

// One query, get or call, with copies of all that it needs.
struct tk_com_request {
    struct tk_com_work work;
    struct tk_com_session *session;
    char *name_space;
    char *text; // WQL or path
    char *method;
    struct tk_cim_object *in;
    struct tk_cim_list list;
    struct tk_cim_object *out;
    HRESULT broken; // of the connection, S_OK while it is well
};

struct tk_com_space; // a namespace of the host, connected

struct tk_com_request *tk_com_request(struct tk_com_session *session,
                                      int (*run)(struct tk_com_work *work), const char *name_space,
                                      const char *text, const struct tk_limit *limit);
// Runs a request that gives one object, and releases it.
int tk_com_run_for_object(struct tk_com_request *r, struct tk_cim_object **out,
                          struct tk_failure *err);
// A failure of the service about this request; returns -1.
int tk_com_failed(struct tk_com_request *r, HRESULT hr);
// Brings the request's path into the form that WMI takes, and does `once` on its namespace,
// connected; when a kept connection turns out to be broken, that is forgotten, and what only reads
// is done again on a new one.
int tk_com_on_path(struct tk_com_request *r,
                   int (*once)(struct tk_com_request *r, struct tk_com_space *space));

// ---- wmi_call_com.c: the transport's call

int tk_com_call(void *self, const char *name_space, const char *path, const char *method,
                const struct tk_cim_object *in, struct tk_cim_object **out,
                const struct tk_limit *limit, struct tk_failure *err);

// ---- wmi_session_com.c: connections

struct tk_com_session {
    atomic_int refs;
    char *host;  // NULL: this machine
    char *shown; // the host, for messages
    char *user, *password;
    int64_t connect_ms, request_ms;
    uint64_t max_bytes;
    SRWLOCK lock; // of the list
    struct tk_com_space *spaces;
};

void tk_com_session_drop(struct tk_com_session *session);

// A connected namespace, made where there is none; drop it after use. *fresh: it was made now.
int tk_com_space_get(struct tk_com_space **out, bool *fresh, struct tk_com_session *session,
                     const char *name_space, struct tk_com_work *work);
void tk_com_space_drop(struct tk_com_space *space);
// The connection is broken: the next one that asks gets a new one.
void tk_com_space_forget(struct tk_com_session *session, struct tk_com_space *space);
IWbemServices *tk_com_services(const struct tk_com_space *space);
// "\\HOST\root\cimv2:", "" while no class of it has been seen. Caller frees.
char *tk_com_prefix(struct tk_com_space *space);
bool tk_com_is_semisynchronous(struct tk_com_space *space);
// Packet privacy, and the other user where there is one, on a proxy that WMI gave.
HRESULT tk_com_protect(const struct tk_com_session *session, IUnknown *proxy);
// An instance or a class by its path, waited for within the work's step. A failed HRESULT is the
// service's; S_FALSE: the wait ended, work->err tells why.
HRESULT tk_com_get_object(IWbemClassObject **out, struct tk_com_space *space,
                          struct tk_com_session *session, const char *path,
                          struct tk_com_work *work);
// Waits for a semi-synchronous call. As above.
HRESULT tk_com_wait(IWbemCallResult *result, IWbemClassObject **out, struct tk_com_work *work);
// The definition of a class, asked for once in each connection; release it.
HRESULT tk_com_class(IWbemClassObject **out, struct tk_com_space *space,
                     struct tk_com_session *session, const char *name, struct tk_com_work *work);

// ---- wmi_string_com.c: UTF-8 and UTF-16

BSTR tk_com_bstr(const char *utf8);                 // NULL stays NULL
char *tk_com_utf8(const OLECHAR *text, size_t len); // NULL stays NULL

// ---- wmi_value_com.c: types, values for methods

// How a CIM type travels.
struct tk_com_type {
    CIMTYPE cim; // without CIM_FLAG_ARRAY
    enum tk_cim_type type;
    VARTYPE vt;
    int64_t min, max; // of integers that travel as numbers
};
const struct tk_com_type *tk_com_type(CIMTYPE cim); // NULL: not known
// One property into an instance of a class, by the type that the class tells, or (class_name NULL)
// one parameter into those of a method, by its signature. Instances must be texts already.
int tk_com_put(IWbemClassObject *in, const struct tk_cim_property *p, const char *class_name,
               const char *prefix, struct tk_failure *err);

// ---- wmi_text_com.c: instances inside parameters

// Replaces the instances among the request's parameters by their texts, which is what methods of
// Hyper-V take. Needs the definition of each one's class.
int tk_com_embed(struct tk_com_request *r, struct tk_com_space *space);

// ---- wmi_object_com.c: what is read

// The object that COM describes; *budget is what it may still take in bytes, TOO_LARGE beyond.
int tk_com_object(struct tk_cim_object **out, IWbemClassObject *from, const char *name_space,
                  uint64_t *budget, int nesting, struct tk_failure *err);

// ---- wmi_error_com.c: failures

// Fills *err from a failed HRESULT and from what the service left on this thread; returns -1.
// `what`: the host or namespace that a connection's failure is about.
int tk_com_fail(struct tk_failure *err, HRESULT hr, const char *what);
// The connection is gone, or never was: nothing more can be asked over it.
bool tk_com_is_broken(HRESULT hr);
// Whether a method may have been carried out although this came back.
bool tk_com_maybe_done(HRESULT hr);

#endif
