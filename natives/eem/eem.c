// See eem.h.
#include "eem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"
#include "runtime/outside.h"

struct tk_eem {
    int refs; // touched by the loop's thread only
    struct tk_http *http;
    char *url; // without a slash at its end
};

// ---- the handle

const char *tk_eem_url_problem(const char *url)
{
    const char *host = strstr(url, "://");

    if (!host || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)) {
        return "must begin with http:// or https://";
    }
    host += 3;
    if (strcspn(host, "/:") == 0) {
        return "names no host";
    }
    for (const unsigned char *p = (const unsigned char *)url; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f) {
            return "contains a character that an address cannot have";
        }
    }
    if (strpbrk(url, "?#")) {
        return "must end with the path, without ? and #";
    }
    if (memchr(host, '@', strcspn(host, "/"))) {
        return "must not contain a user or password; give them as user and password";
    }
    return NULL;
}

struct tk_eem *tk_eem_open(const char *url, const struct tk_http_options *options)
{
    struct tk_eem *eem = tk_alloc(sizeof *eem);
    size_t len = strlen(url);

    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    eem->refs = 1;
    eem->url = tk_strndup(url, len);
    eem->http = tk_http_open(options);
    return eem;
}

struct tk_eem *tk_eem_share(struct tk_eem *eem)
{
    eem->refs++;
    return eem;
}

void tk_eem_close(struct tk_eem *eem)
{
    if (!eem || --eem->refs > 0) {
        return;
    }
    tk_http_close(eem->http);
    tk_free(eem->url);
    tk_free(eem);
}

// ---- one exchange

static bool changes(const struct tk_eem_request *request)
{
    return strcmp(request->method, "GET") != 0;
}

static const char *target(const struct tk_eem_request *request, const char *otherwise)
{
    return request->id[0] ? request->id : otherwise;
}

static int no_answer(enum tk_http_error error, const char *url, const char *why,
                     struct tk_failure *err)
{
    switch (error) {
    case TK_HTTP_TIMEOUT:
        return tk_fail(err, TK_EEM_TIMEOUT, "ExpEther Manager at %s: %s", url, why);
    case TK_HTTP_TLS:
        tk_fail(err, TK_EEM_TLS, "no trusted connection to ExpEther Manager at %s: %s", url, why);
        return tk_fail_hint(err, "give the certificate of its authority as ca, and the name that "
                                 "the certificate is made out to as address");
    case TK_HTTP_TOO_LARGE:
        return tk_fail(err, TK_EEM_TOO_LARGE, "ExpEther Manager at %s: %s", url, why);
    case TK_HTTP_CANCELLED:
        return tk_fail(err, TK_CANCELLED, "%s", why);
    case TK_HTTP_BAD_REQUEST:
        return tk_fail(err, TK_CONFIG, "ExpEther Manager at %s: %s", url, why);
    case TK_HTTP_BROKEN:
        return tk_fail(err, TK_EEM_UNREACHABLE, "ExpEther Manager at %s broke off: %s", url, why);
    case TK_HTTP_UNREACHABLE:
    case TK_HTTP_OK:
    case TK_HTTP_LOGIN: // never: EEM has no such login
        break;
    }
    tk_fail(err, TK_EEM_UNREACHABLE, "no connection to ExpEther Manager at %s: %s", url, why);
    return tk_fail_hint(err, "is ExpEther Manager running there, and is the address right?");
}

int tk_eem_exchange(struct tk_eem *eem, const struct tk_eem_request *request,
                    const struct tk_limit *limit, struct tk_http_answer *answer,
                    struct tk_failure *err)
{
    static const char *const get[] = {"Accept: application/json", NULL};
    static const char *const put[] = {"Accept: application/json", "Content-Type: application/json",
                                      NULL};
    char *url = tk_sprintf("%s%s", eem->url, request->path);
    char why[256];
    enum tk_http_error error;
    int result = 0;

    error = tk_http_request(eem->http, request->method, url,
                            strcmp(request->method, "PUT") == 0 ? put : get, request->body,
                            strlen(request->body), limit, answer, why, sizeof why);
    if (error != TK_HTTP_OK) {
        result = no_answer(error, eem->url, why, err);
        err->http = answer->status;
        err->maybe_executed = changes(request) && answer->sent;
        tk_fail_target(err, target(request, eem->url));
    }
    tk_free(url);
    return result;
}

// ---- judging answers

bool tk_eem_is_success(int status)
{
    return status == 200 || status == 204;
}

static enum tk_code code_of(int status, const char *code)
{
    // The first three digits of EEM's own code repeat the status.
    if (status == 404 || (code && strcmp(code, "40400") == 0)) {
        return TK_EEM_NOT_FOUND;
    }
    if (status == 401 || status == 403) {
        return TK_EEM_AUTH;
    }
    if (status >= 400 && status < 500) {
        return TK_EEM_REFUSED;
    }
    return status >= 500 ? TK_EEM_SERVER : TK_EEM_BAD_ANSWER;
}

static const char *hint_of(const char *code)
{
    // NEC's own client reads its list again after these; what they mean exactly is unknown.
    if (code &&
        (strcmp(code, "40004") == 0 || strcmp(code, "40011") == 0 || strcmp(code, "50003") == 0)) {
        return "the device may have changed meanwhile: look at it again";
    }
    return "";
}

int tk_eem_refused(const struct tk_eem_request *request, int status, const char *code,
                   const char *message, struct tk_failure *err)
{
    enum tk_code meaning = code_of(status, code);
    char words[256], number[32];

    tk_format(words, sizeof words, "%s", message ? message : "");
    tk_format(number, sizeof number, "%s", code ? code : "");
    tk_fail(err, meaning, "%s: ExpEther Manager answers %s %s with HTTP %d%s%s%s%s",
            tk_code_meaning(meaning), request->method, request->path, status,
            number[0] ? ", code " : "", number, words[0] ? ": " : "", words);
    tk_fail_hint(err, "%s", hint_of(code));
    err->http = status;
    // It may have failed half-way, or behind a proxy that did not wait for the end.
    err->maybe_executed = changes(request) && (status < 400 || status >= 500);
    return tk_fail_target(err, request->id);
}

int tk_eem_bad_answer(const struct tk_eem_request *request, int status, struct tk_failure *err,
                      const char *format, ...)
{
    char why[400];
    va_list args;

    va_start(args, format);
    tk_vformat(why, sizeof why, format, args);
    va_end(args);
    tk_fail(err, TK_EEM_BAD_ANSWER, "the answer to %s %s is not ExpEther Manager's: %s",
            request->method, request->path, why);
    err->http = status;
    err->maybe_executed = changes(request);
    return tk_fail_target(err, request->id);
}

// ---- EEM's words

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
}

static const char *skip_0x(const char *text)
{
    return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : NULL;
}

// Hex digits of `text` in lower case, leaving out separators. -1: too many, or another character.
static int read_digits(const char *text, const char *separators, char *out, size_t size)
{
    size_t len = 0;

    for (; *text; text++) {
        if (is_hex(*text) && len + 1 < size) {
            out[len++] = lower(*text);
        } else if (!strchr(separators, *text)) {
            return -1;
        }
    }
    out[len] = '\0';
    return (int)len;
}

bool tk_eem_read_id(const char *text, char id[TK_EEM_ID_SIZE])
{
    const char *digits = skip_0x(text);

    memcpy(id, "0x", 3);
    return digits && read_digits(digits, "", id + 2, TK_EEM_ID_SIZE - 2) > 0;
}

bool tk_eem_read_mac(const char *text, char id[TK_EEM_ID_SIZE])
{
    const char *digits = skip_0x(text);

    memcpy(id, "0x", 3);
    if (read_digits(digits ? digits : text, ":-", id + 2, TK_EEM_ID_SIZE - 2) != 12) {
        return false;
    }
    if (strspn(id + 2, "0") == 12) {
        id[0] = '\0';
    }
    return true;
}

bool tk_eem_read_hex(const char *text, int digits, char out[TK_EEM_ID_SIZE])
{
    const char *start = skip_0x(text);
    char *end;
    unsigned long value;

    if (!start || !is_hex(*start)) {
        return false;
    }
    value = strtoul(start, &end, 16);
    if (*end != '\0' || value >> (4 * digits) != 0) {
        return false;
    }
    snprintf(out, TK_EEM_ID_SIZE, "%0*lx", digits, value);
    return true;
}
