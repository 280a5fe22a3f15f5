// See http_transfer.h.
//
// libcurl repeats a request by itself when a reused connection ends without a byte of answer, even
// a PUT that the peer may have carried out. Here that is refused: the debug callback tells what has
// left, and no second connection is opened for a request that already went out, unless it only
// reads.
#include "http_transfer.h"

#include <stdio.h>
#include <string.h>

#include "platform/platform.h"
#include "runtime/limit.h"
#include "runtime/outside.h"

#define HEADER_MAX_BYTES (256 * 1024)
#define REPEAT_MAX       1

// ---- callbacks

bool tk_transfer_is_sent(const struct tk_transfer *t)
{
    return t->header_whole && t->body_out_len >= t->body_len;
}

static int on_debug(CURL *curl, curl_infotype type, char *data, size_t size, void *user)
{
    struct tk_transfer *t = user;

    (void)curl;
    if (type == CURLINFO_HEADER_OUT) {
        if (t->answered || t->header_whole) { // the next leg of a negotiation, or a repetition
            t->answered = t->header_whole = false;
            t->body_out_len = 0;
            t->tail = 0;
        }
        t->header_out = true;
        for (size_t i = 0; i < size; i++) {
            t->tail = t->tail << 8 | (unsigned char)data[i];
        }
        t->header_whole = (t->tail & 0xffffffffu) == 0x0d0a0d0au;
    } else if (type == CURLINFO_DATA_OUT) {
        t->body_out_len += size;
    } else if (type == CURLINFO_HEADER_IN || type == CURLINFO_DATA_IN) {
        t->answered = true;
    }
    return 0;
}

static curl_socket_t on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct tk_transfer *t = user;

    (void)purpose;
    if (tk_transfer_is_sent(t) && !t->answered) {
        if (!t->reads_only || t->repeats >= REPEAT_MAX) {
            t->refused_repeat = true;
            return CURL_SOCKET_BAD;
        }
        t->repeats++;
        t->header_whole = false;
    }
    if (t->same_connection) {
        t->lost = true;
        return CURL_SOCKET_BAD;
    }
    return (curl_socket_t)tk_platform_socket(address->family, address->socktype, address->protocol);
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct tk_transfer *t = user;

    (void)size; // always 1
    if (t->max_answer_bytes > 0 && t->answer->body.len + count > t->max_answer_bytes) {
        t->too_large = true;
        return 0;
    }
    tk_buffer_add(&t->answer->body, data, count);
    return count;
}

static void note_scheme(struct tk_http_answer *answer, const char *scheme, size_t len)
{
    size_t used = strlen(answer->offers);

    if (len + used + 3 < sizeof answer->offers) {
        snprintf(answer->offers + used, sizeof answer->offers - used, "%s%.*s", used ? ", " : "",
                 (int)len, scheme);
    }
}

// "Negotiate oYG2...", "Negotiate, Kerberos", "Basic realm=..."; a token only from our own schemes.
static void note_challenge(struct tk_transfer *t, const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == '\n' || text[len - 1] == ' ')) {
        len--;
    }
    while (len > 0) {
        const char *comma = memchr(text, ',', len);
        size_t piece = comma ? (size_t)(comma - text) : len;
        size_t blank = 0, scheme, at;

        while (blank < piece && text[blank] == ' ') {
            blank++;
        }
        for (scheme = blank; scheme < piece && text[scheme] != ' '; scheme++) {
        }
        for (at = scheme; at < piece && text[at] == ' '; at++) {
        }
        note_scheme(t->answer, text + blank, scheme - blank);
        if (at < piece && t->token.len == 0 &&
            (curl_strnequal(text + blank, "Negotiate ", 10) ||
             curl_strnequal(text + blank, "Kerberos ", 9))) {
            tk_buffer_add(&t->token, text + at, piece - at);
        }
        piece += comma ? 1 : 0;
        text += piece;
        len -= piece;
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    static const char challenge[] = "WWW-Authenticate:";
    struct tk_transfer *t = user;

    (void)size;
    if (count >= 5 && memcmp(data, "HTTP/", 5) == 0) { // again after 100 Continue
        t->head_in_whole = false;
    } else if (count > 0 && (data[0] == '\r' || data[0] == '\n')) {
        t->head_in_whole = true;
    }
    t->header_in_len += count;
    if (t->header_in_len > HEADER_MAX_BYTES) {
        t->too_large = true;
        return 0;
    }
    if (count >= sizeof challenge && curl_strnequal(data, challenge, sizeof challenge - 1)) {
        note_challenge(t, data + sizeof challenge - 1, count - (sizeof challenge - 1));
    }
    return count;
}

// Asked about once a second at the least. Before anything has left, ending leaves nothing unknown.
static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct tk_transfer *t = user;

    (void)a, (void)b, (void)c, (void)d;
    return tk_cancel_get() && !t->header_out;
}

void tk_transfer_attach(struct tk_transfer *t, CURL *curl)
{
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->message);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L); // feeds on_debug, prints nothing
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, t);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (t->max_answer_bytes > 0) {
        curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->max_answer_bytes);
    }
}

// ---- afterwards

enum tk_http_error tk_transfer_judge(const struct tk_transfer *t, CURL *curl, CURLcode code)
{
    curl_off_t connect_us = 0;

    if (t->too_large) {
        return TK_HTTP_TOO_LARGE;
    }
    if (t->refused_repeat) {
        return TK_HTTP_BROKEN;
    }
    switch (code) {
    case CURLE_OK:
        return t->head_in_whole ? TK_HTTP_OK : TK_HTTP_BROKEN; // to libcurl it is good with half
    case CURLE_FILESIZE_EXCEEDED:
        return TK_HTTP_TOO_LARGE;
    case CURLE_ABORTED_BY_CALLBACK:
        return TK_HTTP_CANCELLED;
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED: // only: a user name in the address
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_AUTH_ERROR:
        return TK_HTTP_BAD_REQUEST;
    case CURLE_UNSUPPORTED_PROTOCOL: // or: an answer without an HTTP header
        return t->header_out ? TK_HTTP_BROKEN : TK_HTTP_BAD_REQUEST;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return TK_HTTP_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connect_us);
        return t->header_out || connect_us > 0 ? TK_HTTP_TIMEOUT : TK_HTTP_UNREACHABLE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ENGINE_INITFAILED:
        return TK_HTTP_TLS;
    default:
        return TK_HTTP_BROKEN;
    }
}

void tk_transfer_say_why(const struct tk_transfer *t, CURLcode code, char *message, size_t size)
{
    if (t->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        snprintf(message, size, "the answer is larger than %llu bytes",
                 (unsigned long long)t->max_answer_bytes);
    } else if (t->refused_repeat) {
        snprintf(message, size, "the connection was closed without an answer");
    } else if (code == CURLE_ABORTED_BY_CALLBACK) {
        snprintf(message, size, "the run was asked to stop before there was a connection");
    } else if (code == CURLE_OK) {
        snprintf(message, size, "the answer ended in the middle of its head");
    } else if (code == CURLE_LOGIN_DENIED) {
        snprintf(message, size, "a user name inside the address is not accepted");
    } else {
        tk_format(message, size, "%s", t->message[0] ? t->message : curl_easy_strerror(code));
    }
}
