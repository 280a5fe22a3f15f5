// HTTP requests to one peer with libcurl, kept alive. Used by eem.c and wmi_wsman.c. Blocking, any
// thread; a peer keeps idle connections and opens another one only while all are in use. Knows no
// Lua.
#ifndef TK_HTTP_H
#define TK_HTTP_H

#include <stddef.h>

#include "failure.h"
#include "limit.h"
#include "memory.h"

enum tk_http_error { // why no usable answer came; the caller gives it its own failure code
    TK_HTTP_OK,
    TK_HTTP_UNREACHABLE, // no connection: nothing was sent
    TK_HTTP_TIMEOUT,     // nothing or not everything came back in time
    TK_HTTP_BROKEN,      // the connection broke in the middle
    TK_HTTP_TLS,         // the certificate does not verify, or no common protocol
    TK_HTTP_TOO_LARGE,   // the answer exceeds max_answer_bytes
    TK_HTTP_BAD_REQUEST, // the address cannot be parsed, or libcurl lacks what was asked for
};

struct tk_http_options {
    const char
        *auth; // "none", "basic", "negotiate", "encoded" (password holds ready base64 for Basic)
    const char *user;
    const char *password;
    const char *ca_file; // PEM, NULL: the system's
    bool insecure;
    int64_t connect_timeout_ms;
    int64_t timeout_ms; // of one request
    uint64_t max_answer_bytes;
};

struct tk_http_answer {
    int status;
    struct tk_buffer body;
    char content_type[128];
    bool sent; // the request left completely: it may have been executed even if no answer came
};

struct tk_http;

struct tk_http *tk_http_open(const struct tk_http_options *options);
struct tk_http *tk_http_share(struct tk_http *http); // one reference more
void tk_http_close(struct tk_http *http);            // one reference less
// `headers`: NULL-terminated "Name: value" list or NULL. `message` (256 bytes at least) gets
// libcurl's words. A reused connection that turns out dead before anything was sent is opened anew,
// once; nothing else repeats.
enum tk_http_error tk_http_request(struct tk_http *http, const char *method, const char *url,
                                   const char *const *headers, const char *body, size_t body_len,
                                   const struct tk_limit *limit, struct tk_http_answer *answer,
                                   char *message, size_t message_size);
void tk_http_answer_free(struct tk_http_answer *answer);

#endif
