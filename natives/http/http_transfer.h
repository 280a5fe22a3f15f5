// One HTTP request under way: what has left, what has come, and what that means in the end. Between
// http.c and libcurl.
#ifndef TK_HTTP_TRANSFER_H
#define TK_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http.h"

// One request under way; only the thread that makes it touches this.
struct tk_transfer {
    struct tk_http_answer *answer; // gets the body
    uint64_t max_answer_bytes;     // 0: no maximum
    size_t body_len;               // of the request
    bool reads_only;               // may be repeated
    bool same_connection;          // no other one may be opened
    // From here on the callbacks write.
    size_t header_in_len;
    size_t body_out_len;
    unsigned tail;      // the last four bytes of header that went out
    bool header_out;    // the header left, at least in part
    bool header_whole;  // its empty line left too
    bool answered;      // the first byte of an answer arrived
    bool head_in_whole; // the empty line after the answer's header arrived
    bool too_large;
    bool refused_repeat;
    bool lost;              // another connection would have been needed
    struct tk_buffer token; // of WWW-Authenticate; whoever reads it frees it
    int repeats;
    char message[CURL_ERROR_SIZE];
};

// Sets the callbacks of `curl` and the maximum of the answer.
void tk_transfer_attach(struct tk_transfer *t, CURL *curl);
// Whether the request left completely.
bool tk_transfer_is_sent(const struct tk_transfer *t);
enum tk_http_error tk_transfer_judge(const struct tk_transfer *t, CURL *curl, CURLcode code);
// In words, for everything but TK_HTTP_OK.
void tk_transfer_say_why(const struct tk_transfer *t, CURLcode code, char *message, size_t size);

#endif
