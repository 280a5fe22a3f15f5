// The pieces that wmi_wsman.c is made of: writing envelopes, reading objects, judging faults. Only
// for the WS-Management transport. Protocol: MS-WSMV and DSP0226.
#ifndef TK_WSMAN_H
#define TK_WSMAN_H

#include "runtime/limit.h"
#include "wmi/cim/cim.h"
#include "xml/xml.h"

#define TK_WSMAN_TRANSFER    "http://schemas.xmlsoap.org/ws/2004/09/transfer"
#define TK_WSMAN_ENUMERATION "http://schemas.xmlsoap.org/ws/2004/09/enumeration"

struct tk_wsman_header {
    const char *to;
    const char *action;
    const char *resource_uri;
    const char *name_space;                // of references among the selectors
    const struct tk_cim_object *selectors; // NULL: none
    int64_t operation_ms;                  // how long the server may take
};

// "http://schemas.microsoft.com/wbem/wsman/1/wmi/<namespace>/<class>"; caller frees.
char *tk_wsman_resource_uri(const char *name_space, const char *class_name);
// Everything up to and with the opening of s:Body, and from its closing on.
void tk_wsman_begin(struct tk_buffer *b, const struct tk_wsman_header *header);
void tk_wsman_end(struct tk_buffer *b);
// <p:Method_INPUT> with the parameters. BAD_PARAMETER when a reference or datetime is not one.
int tk_wsman_input(struct tk_buffer *b, const char *resource_uri, const char *name_space,
                   const char *method, const struct tk_cim_object *in, struct tk_failure *err);

// The object that an element describes: an instance, or the outputs of a method. References into
// `name_space` become relative paths. WMI_TOO_LARGE for more properties than any class has;
// WMI_TIMEOUT, CANCELLED where reading goes on past the limit.
int tk_wsman_object(struct tk_cim_object **out, const struct tk_xml *e, const char *name_space,
                    const struct tk_limit *limit, struct tk_failure *err);
// Whether an attribute says that there is no value.
bool tk_wsman_is_nil(const struct tk_xml *e);

// What a request does to the world, which decides what a missing answer means.
enum tk_wsman_kind {
    TK_WSMAN_READS,   // sent once more when the connection breaks
    TK_WSMAN_PULLS,   // reads, but the server moves on: never sent again
    TK_WSMAN_INVOKES, // calls a method: never sent again; may have been executed
};

struct tk_wsman { // nothing here changes, so that threads may share it
    struct tk_http *http;
    char *url;
    bool negotiates; // else Basic, or nobody at all
    bool basic;
    int64_t timeout_ms;
    uint64_t max_answer_bytes;
};

// One request and, after it was sent, its answer. Zero-initialise.
struct tk_wsman_exchange {
    struct tk_wsman_header header; // `to` and `operation_ms` are filled in
    struct tk_buffer inner;        // what goes inside s:Body
    enum tk_wsman_kind kind;
    struct tk_xml *root;
    const struct tk_xml *body; // s:Body, when 0 was returned
    int http;
    bool broke; // the connection broke in the middle
};

int tk_wsman_send(struct tk_wsman *w, struct tk_wsman_exchange *x, const struct tk_limit *limit,
                  struct tk_failure *err);
// The same with a whole envelope instead of header and inner.
int tk_wsman_post(struct tk_wsman *w, struct tk_wsman_exchange *x, const char *text, size_t len,
                  const struct tk_limit *limit, struct tk_failure *err);
void tk_wsman_exchange_free(struct tk_wsman_exchange *x);

// s:Fault as failure. `invoke`: a method was called, which a timeout leaves unknown.
int tk_wsman_fault(const struct tk_xml *fault, bool invoke, int http, struct tk_failure *err);
// ERROR_WSMAN_OPERATION_TIMEDOUT
#define TK_WSMAN_TIMED_OUT 0x80338029u

#endif
