// HTTP requests to one peer with libcurl, kept alive. Used by eem.c and wmi_wsman.c. Blocking, any
// thread; a peer keeps idle connections and opens another one only while all are in use. HTTP/1.1,
// no proxy, no redirects: whoever stands at the address must answer himself. Knows no Lua.
#ifndef TK_HTTP_H
#define TK_HTTP_H

#include <stddef.h>

#include "runtime/failure.h"
#include "runtime/limit.h"
#include "runtime/memory.h"

enum tk_http_error { // why no usable answer came; the caller gives it its own failure code
    TK_HTTP_OK,
    TK_HTTP_UNREACHABLE, // no connection, also not in connect_timeout_ms: nothing was sent
    TK_HTTP_TIMEOUT,     // nothing or not everything came back in time
    TK_HTTP_BROKEN,      // the connection broke in the middle
    TK_HTTP_TLS,         // the certificate does not verify, or no common protocol
    TK_HTTP_TOO_LARGE,   // the answer exceeds max_answer_bytes
    TK_HTTP_CANCELLED,   // the run was asked to stop while there was no connection yet
    TK_HTTP_BAD_REQUEST, // the address cannot be parsed, or libcurl lacks what was asked for
    TK_HTTP_LOGIN,       // no proof of identity could be had, or what came back was not encrypted
                         // as agreed: answer->failure tells
};

// How to prove who one is, with auth "negotiate": see seal.h. Over http every message is encrypted
// then, over https the proof is bound to the server's certificate; nothing goes out in clear.
struct tk_http_login {
    const char *keytab; // a file, NULL: none
    bool ticket;        // the ticket that is there
    const char *name;   // of the host, as its domain knows it; NULL: as in the address
    bool only_kerberos, only_ntlm;
};

struct tk_http_options {
    // "none", "basic", "encoded" (password holds ready base64 for Basic), "negotiate"
    const char *auth;
    struct tk_http_login login; // for "negotiate"
    const char *user;
    const char *password;
    const char *ca_file;        // PEM, NULL: the system's
    bool insecure;              // do not verify the certificate
    int64_t connect_timeout_ms; // 0: only the limit counts
    int64_t timeout_ms;         // of one request; 0: only the limit counts
    uint64_t max_answer_bytes;  // 0: no maximum
};

struct tk_http_answer {
    int status;            // any; 401 and 500 are answers too
    struct tk_buffer body; // body.text is NULL when it is empty
    char content_type[128];
    bool sent; // the request left completely: it may have been executed even if no answer came
    char offers[96];           // schemes of WWW-Authenticate, "Negotiate, Kerberos"
    struct tk_failure failure; // with TK_HTTP_LOGIN
};

struct tk_http;

// Copies the options and opens no connection yet. Never NULL.
struct tk_http *tk_http_open(const struct tk_http_options *options);
struct tk_http *tk_http_share(struct tk_http *http); // one reference more
void tk_http_close(struct tk_http *http);            // one reference less; NULL is harmless
// The caller holds a reference. `headers`: NULL-terminated "Name: value" list or NULL. An empty
// body is sent as such with PUT and POST. *answer needs no preparation and always needs
// tk_http_answer_free. `message` (256 bytes at least) gets libcurl's words. A kept connection that
// turns out dead is opened anew when nothing was sent, and once for GET; nothing else repeats.
enum tk_http_error tk_http_request(struct tk_http *http, const char *method, const char *url,
                                   const char *const *headers, const char *body, size_t body_len,
                                   const struct tk_limit *limit, struct tk_http_answer *answer,
                                   char *message, size_t message_size);
// How the last request proved who we are, "Kerberos as admin@EXAMPLE.COM, messages encrypted";
// empty: not at all, or by the auth that was asked for.
void tk_http_used(struct tk_http *http, char *out, size_t size);
void tk_http_answer_free(struct tk_http_answer *answer);

#endif
