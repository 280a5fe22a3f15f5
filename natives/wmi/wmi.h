// WMI on one host and namespace: query, get, call. One header for every transport (WS-Management
// everywhere, COM on Windows); nothing above it knows which one carries a call. All functions block
// with a time limit, may be called from any thread and from several at once, and know no Lua.
#ifndef TK_WMI_H
#define TK_WMI_H

#include "runtime/limit.h"
#include "wmi/cim/cim.h"

struct tk_wmi;

struct tk_wmi_options {
    // "wsman"; on Windows also "local" (COM on this machine: no host, no user) and "dcom" (COM to
    // `host`). NULL: "wsman" with host or url, "local" without.
    const char *transport;
    const char *host; // name or address; NULL with url
    const char
        *url; // full WS-Management address, instead of host; http only when asked for like this
    const char *name_space; // "root/virtualization/v2"
    const char *user;
    const char *password;
    // "negotiate" (Kerberos, else NTLM), "kerberos", "ntlm", "basic", "none". NULL: negotiate where
    // it is known who one is, else none.
    const char *auth;
    const char *host_name;      // as its domain knows it, for the login; NULL: as in host or url
    const char *keytab;         // a file that proves who one is, instead of password
    bool ticket;                // the ticket that is there proves it
    bool allow_unencrypted;     // Basic over http, to another computer
    const char *ca_file;        // PEM; NULL: the system's
    bool insecure;              // do not verify the certificate; must be asked for
    int64_t connect_timeout_ms; // 0: 10 s
    int64_t timeout_ms;         // of one request, 0: 60 s
    uint64_t max_answer_bytes;  // of one answer, 0: 32 MiB
};

// Opens no connection yet. The handle is reference counted; close drops one reference.
int tk_wmi_open(struct tk_wmi **out, const struct tk_wmi_options *options, struct tk_failure *err);
// Another namespace of the same host over the same connection.
int tk_wmi_namespace(struct tk_wmi **out, struct tk_wmi *base, const char *name_space,
                     struct tk_failure *err);
struct tk_wmi *tk_wmi_share(struct tk_wmi *wmi);
void tk_wmi_close(struct tk_wmi *wmi);
const char *tk_wmi_namespace_of(const struct tk_wmi *wmi);

// Who answers: an object with ProductVendor, ProductVersion, ProtocolVersion as far as known.
int tk_wmi_identify(struct tk_cim_object **out, struct tk_wmi *wmi, const struct tk_limit *limit,
                    struct tk_failure *err);
// All objects that a WQL text gives, also "ASSOCIATORS OF {...}".
int tk_wmi_query(struct tk_cim_list *out, struct tk_wmi *wmi, const char *wql,
                 const struct tk_limit *limit, struct tk_failure *err);
// One object by path; code WMI_NOT_FOUND when there is none.
int tk_wmi_get(struct tk_cim_object **out, struct tk_wmi *wmi, const char *path,
               const struct tk_limit *limit, struct tk_failure *err);
// One method call. `in` holds the parameters by name (NULL: none); *out gets the outputs and
// ReturnValue. 0 says only that an answer came: look at ReturnValue, or use tk_wmi_run. Never
// repeated by itself; when no answer came the failure says whether it may have been executed.
int tk_wmi_call(struct tk_cim_object **out, struct tk_wmi *wmi, const char *path,
                const char *method, const struct tk_cim_object *in, const struct tk_limit *limit,
                struct tk_failure *err);

// The same, and the job that the method may have started (4096) is followed to its end (wmi_job.c)
// within `limit`. 0 means: returned 0, or the job completed, also with warnings. Otherwise
// WMI_METHOD_FAILED (hresult: the ReturnValue), WMI_JOB_FAILED (hresult: the job's ErrorCode; the
// message has the job's texts), WMI_JOB_LOST, WMI_JOB_TIMEOUT. *out is set whenever the method
// itself answered, ALSO when -1 is returned (else NULL): always free it. After a job it has, beside
// the method's outputs, JobState (uint16), JobErrorCode (uint16), JobErrorDescription and
// JobErrors: an array of embedded instances of Msvm_Error, there also after a job that only warned.
int tk_wmi_run(struct tk_cim_object **out, struct tk_wmi *wmi, const char *path, const char *method,
               const struct tk_cim_object *in, const struct tk_limit *limit,
               struct tk_failure *err);

// Escapes a text for use between single quotes in WQL. Caller frees.
char *tk_wql_quote(const char *text);

// What a transport implements; tk_wmi_* above check, count and dispatch.
struct tk_wmi_transport {
    int (*identify)(void *self, struct tk_cim_object **out, const struct tk_limit *limit,
                    struct tk_failure *err);
    int (*query)(void *self, const char *name_space, const char *wql, struct tk_cim_list *out,
                 const struct tk_limit *limit, struct tk_failure *err);
    int (*get)(void *self, const char *name_space, const char *path, struct tk_cim_object **out,
               const struct tk_limit *limit, struct tk_failure *err);
    int (*call)(void *self, const char *name_space, const char *path, const char *method,
                const struct tk_cim_object *in, struct tk_cim_object **out,
                const struct tk_limit *limit, struct tk_failure *err);
    void (*close)(void *self);
};
// Opens the transport of that name.
struct tk_wmi_transport_entry {
    const char *name;
    int (*open)(const struct tk_wmi_transport **transport, void **self,
                const struct tk_wmi_options *options, struct tk_failure *err);
};
// What this system has beside WS-Management (wmi_com.c, wmi_nocom_posix.c); ends with a NULL name.
extern const struct tk_wmi_transport_entry tk_wmi_platform_transports[];
// Whether this connection is COM on this computer.
bool tk_wmi_is_local(const struct tk_wmi *wmi);
// Whether there is a transport of that name here.
bool tk_wmi_has_transport(const char *name);
int tk_wmi_wsman_open(const struct tk_wmi_transport **transport, void **self,
                      const struct tk_wmi_options *options, struct tk_failure *err);

#endif
