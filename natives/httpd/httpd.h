// The lab's HTTP server: libmicrohttpd on libuv's loop. A request that is complete waits in a queue
// until somebody takes it, and its connection is suspended until it is answered or dropped, so that
// an answer may take as long as it likes. Everything here runs on the loop's thread. No Lua.
#ifndef TK_HTTPD_H
#define TK_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

struct tk_httpd;

struct tk_httpd_options {
    const char *address;     // numeric, NULL: 127.0.0.1
    int port;                // 0: chosen freely
    const char *certificate; // PEM texts, both or none; with them the server speaks TLS
    const char *key;
    size_t max_body_bytes;      // a longer body is read, forgotten and answered with 413
    void (*arrived)(void *arg); // a request is in the queue; must not call back into the server
    void *arg;
};

struct tk_httpd_pair {
    char *name; // header names in lower case
    char *value;
};

struct tk_httpd_pairs {
    struct tk_httpd_pair *items;
    size_t count;
};

// One request and its answer. Whoever takes it from the queue owes it one tk_exchange_release.
struct tk_exchange {
    char *method;
    char *path; // without the query, percent-decoded
    struct tk_httpd_pairs query, headers;
    struct tk_buffer body;
    bool secure;
    uint64_t connection;             // counts from 1; never used again
    struct tk_exchange_state *state; // httpd.c's own
};

struct tk_httpd_answer {
    int status; // 200 to 599
    const struct tk_httpd_pairs *headers;
    const char *body;
    size_t body_len;
    uint64_t pad_bytes; // blanks sent after the body and never held in memory
    bool truncated;     // break off after truncate_bytes of the body that the header has promised
    uint64_t truncate_bytes;
};

// Code HTTPD_FAILED.
int tk_httpd_open(struct tk_httpd **out, const struct tk_httpd_options *options,
                  struct tk_failure *err);
int tk_httpd_port(const struct tk_httpd *server);
// Connections are refused from now on; open ones are dropped. Exchanges that were taken stay valid,
// answering them does nothing. Frees the server.
void tk_httpd_close(struct tk_httpd *server);

// The oldest request that nobody has taken, NULL when there is none.
struct tk_exchange *tk_httpd_take(struct tk_httpd *server);
// Answers; false when the request is answered or dropped already, or a header is not allowed.
bool tk_exchange_answer(struct tk_exchange *exchange, const struct tk_httpd_answer *answer);
// Closes the connection without a byte of an answer.
void tk_exchange_drop(struct tk_exchange *exchange);
// Drops the connection when no answer was given.
void tk_exchange_release(struct tk_exchange *exchange);

// A port on which connections come to nothing, without being refused. Code HTTPD_FAILED.
struct tk_httpd_mute;

int tk_httpd_mute_open(struct tk_httpd_mute **out, const char *address, int port,
                       struct tk_failure *err);
int tk_httpd_mute_port(const struct tk_httpd_mute *mute);
void tk_httpd_mute_close(struct tk_httpd_mute *mute);

void tk_httpd_pairs_add(struct tk_httpd_pairs *pairs, const char *name, const char *value);
void tk_httpd_pairs_free(struct tk_httpd_pairs *pairs);

#endif
