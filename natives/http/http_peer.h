// What http.c and http_login.c share: a peer, its handles, and one request on a handle.
#ifndef TK_HTTP_PEER_H
#define TK_HTTP_PEER_H

#include <curl/curl.h>
#include <uv.h>

#include "http.h"
#include "http_transfer.h"
#include "seal/seal.h"

// One connection, and who we are on it.
struct tk_http_handle {
    struct tk_http_handle *next; // while idle
    CURL *curl;
    struct tk_seal *seal; // NULL: nobody yet
};

struct tk_http {
    uv_mutex_t lock; // of refs, idle, idle_count, credential, used
    int refs;
    struct tk_http_handle *idle;
    int idle_count;
    char *auth;
    char *user;
    char *password;
    char *ca_file;
    bool insecure;
    bool logs_in; // by a security context of its own
    struct tk_http_login login;
    char *keytab, *name;                   // what login points to
    struct tk_seal_credential *credential; // made when first needed, forgotten when it is no good
    char used[160];
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
    uint64_t max_answer_bytes;
};

struct tk_http_leg { // one request as it goes out
    const char *method;
    const char *url;
    const char *const *headers;
    const char *body;
    size_t body_len;
    bool same_connection;   // fail instead of opening one; then *lost
    bool wants_certificate; // of the peer, into `certificate`
    // What came of it, beside the answer.
    bool lost;
    struct tk_buffer certificate; // PEM
    struct tk_buffer token;       // base64, of WWW-Authenticate
};

enum tk_http_error tk_http_perform(struct tk_http *http, struct tk_http_handle *handle,
                                   struct tk_http_leg *leg, const struct tk_limit *limit,
                                   struct tk_http_answer *answer, char *message,
                                   size_t message_size);
// A new connection the next time.
void tk_http_handle_renew(struct tk_http_handle *handle);
// As tk_http_perform, for a peer that logs in.
enum tk_http_error tk_http_login_request(struct tk_http *http, struct tk_http_handle *handle,
                                         struct tk_http_leg *leg, const struct tk_limit *limit,
                                         struct tk_http_answer *answer, char *message,
                                         size_t message_size);

#endif
