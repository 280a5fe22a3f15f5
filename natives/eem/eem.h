// NEC ExpEther Manager (EEM) over its REST API: one request and its outcome. Knows no Lua and no
// JSON: eem_lua.c decodes the answers. Protocol facts: docs/facts/ecx-eem.md#3, as
// seen in NEC's own clients (the ExpEther control program and OpenStack Valence).
#ifndef TK_EEM_H
#define TK_EEM_H

#include <stdbool.h>
#include <stddef.h>

#include "http/http.h"
#include "runtime/failure.h"
#include "runtime/limit.h"

#define TK_EEM_GROUP_FIRST      16
#define TK_EEM_GROUP_LAST       4092
#define TK_EEM_GROUP_FREE_IO    4093 // pool of free I/O slots
#define TK_EEM_GROUP_FREE_BOARD 4094 // boards without a group

#define TK_EEM_ID_SIZE 32 // of a device id with its end

struct tk_eem;

struct tk_eem_request {
    const char *method;      // "GET", "PUT" or "DELETE"
    char path[160];          // below the base address, with its query
    char body[64];           // JSON, empty for none
    char id[TK_EEM_ID_SIZE]; // of the device concerned, may be empty
};

// NULL when `url` can be the base address, else what is wrong with it.
const char *tk_eem_url_problem(const char *url);
// `url` passed the test above. Opens no connection yet.
struct tk_eem *tk_eem_open(const char *url, const struct tk_http_options *options);
// One reference more, one less (NULL is harmless). The loop's thread only.
struct tk_eem *tk_eem_share(struct tk_eem *eem);
void tk_eem_close(struct tk_eem *eem);

// Sends the request, once. 0 with every answer that came, also with 404 or 500; the caller always
// frees *answer. Else EEM_UNREACHABLE, EEM_TIMEOUT, EEM_TLS, EEM_TOO_LARGE or CONFIG, with
// maybe_executed for a change that went out completely.
int tk_eem_exchange(struct tk_eem *eem, const struct tk_eem_request *request,
                    const struct tk_limit *limit, struct tk_http_answer *answer,
                    struct tk_failure *err);

// NEC's clients take these two for success and everything else for an error.
bool tk_eem_is_success(int status);
// The failure that an answer other than success means; `code` and `message` come from its body and
// may be NULL. Always -1.
int tk_eem_refused(const struct tk_eem_request *request, int status, const char *code,
                   const char *message, struct tk_failure *err);
// EEM_BAD_ANSWER. Always -1.
int tk_eem_bad_answer(const struct tk_eem_request *request, int status, struct tk_failure *err,
                      const char *format, ...) TK_PRINTF(4, 5);

// "0x8CDF9D911C60" -> "0x8cdf9d911c60"; false when it is no device id.
bool tk_eem_read_id(const char *text, char id[TK_EEM_ID_SIZE]);
// "8c:df:9d:91:1c:60" -> "0x8cdf9d911c60", the id of the device with this address. False when it is
// no address; an address of zeros, which means "none", gives an empty id.
bool tk_eem_read_mac(const char *text, char id[TK_EEM_ID_SIZE]);
// "0x60400" -> "060400" with digits = 6. False when it is no such number.
bool tk_eem_read_hex(const char *text, int digits, char out[TK_EEM_ID_SIZE]);

#endif
