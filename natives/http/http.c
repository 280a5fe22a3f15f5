// HTTP over libcurl: see http.h. Each easy handle keeps its own connection; idle handles wait in a
// list (last used, first taken), so that calls one after the other stay on one TCP connection.
#include "http.h"

#include <stdio.h>
#include <string.h>

#include "http_peer.h"
#include "runtime/outside.h"

#ifndef TK_VERSION
#define TK_VERSION "0.0.0"
#endif

#define IDLE_MAX 8

static uv_once_t once = UV_ONCE_INIT;

static void init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

// ---- setting up

static enum tk_http_error bad_request(char *message, size_t size, const char *text)
{
    snprintf(message, size, "%s", text);
    return TK_HTTP_BAD_REQUEST;
}

static bool has_line_break(const char *text)
{
    return strpbrk(text, "\r\n") != NULL;
}

static bool is_method(const char *method)
{
    return *method && method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static bool is_url(const char *url)
{
    for (const unsigned char *p = (const unsigned char *)url; *p; p++) {
        if (*p <= ' ' || *p == 0x7f) {
            return false;
        }
    }
    return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

// NULL when all can be sent as it is.
static const char *refusal(const struct tk_http *http, const char *method, const char *url,
                           const char *const *headers)
{
    if (!is_method(method)) {
        return "the method is not one of HTTP";
    }
    if (!is_url(url)) {
        return "the address must begin with http:// or https:// and have no blanks";
    }
    for (; headers && *headers; headers++) {
        if (has_line_break(*headers)) {
            return "a header line contains a line break";
        }
    }
    if (strcmp(http->auth, "encoded") == 0 && has_line_break(http->password)) {
        return "the encoded password contains a line break";
    }
    return NULL;
}

static bool names_content_type(const char *const *headers)
{
    for (; headers && *headers; headers++) {
        if (curl_strnequal(*headers, "Content-Type:", 13)) {
            return true;
        }
    }
    return false;
}

static struct curl_slist *header_list(const struct tk_http *http, const char *const *headers)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    if (!names_content_type(headers)) {
        list = curl_slist_append(list, "Content-Type:"); // else libcurl claims a web form
    }
    for (; headers && *headers; headers++) {
        list = curl_slist_append(list, *headers);
    }
    if (strcmp(http->auth, "encoded") == 0) {
        char *line = tk_sprintf("Authorization: Basic %s", http->password);

        list = curl_slist_append(list, line);
        tk_free(line);
    }
    return list;
}

static void set_peer(CURL *curl, const struct tk_http *http)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "takeover/" TK_VERSION);
    // Whatever the platform's own minimum is. Older versions can be read and changed on the way.
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    // Schannel only: a private authority rarely publishes a revocation list.
    curl_easy_setopt(curl, CURLOPT_SSL_OPTIONS, (long)CURLSSLOPT_REVOKE_BEST_EFFORT);
    if (http->insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (http->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file);
    }
    if (strcmp(http->auth, "basic") == 0) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC); // alone: sent at once
        curl_easy_setopt(curl, CURLOPT_USERNAME, http->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, http->password);
    }
}

static long capped_ms(int64_t wanted_ms, int64_t left_ms)
{
    int64_t ms = wanted_ms > 0 && wanted_ms < left_ms ? wanted_ms : left_ms;

    return ms > 0x7fffffff ? 0x7fffffffL : (long)ms;
}

static void set_request(CURL *curl, const char *method, const char *url, const char *body,
                        size_t body_len)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (body_len > 0 || strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body_len > 0 ? body : "");
    }
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
}

// ---- handles

void tk_http_handle_renew(struct tk_http_handle *handle)
{
    tk_seal_close(handle->seal);
    handle->seal = NULL;
    curl_easy_cleanup(handle->curl);
    handle->curl = curl_easy_init();
}

static void free_handle(struct tk_http_handle *handle)
{
    tk_seal_close(handle->seal);
    curl_easy_cleanup(handle->curl);
    tk_free(handle);
}

// NULL when libcurl does not start.
static struct tk_http_handle *take(struct tk_http *http)
{
    struct tk_http_handle *handle;

    uv_mutex_lock(&http->lock);
    handle = http->idle;
    if (handle) {
        http->idle = handle->next;
        http->idle_count--;
    }
    uv_mutex_unlock(&http->lock);
    if (!handle) {
        handle = tk_alloc(sizeof *handle);
        handle->curl = curl_easy_init();
    }
    if (!handle->curl) {
        free_handle(handle);
        return NULL;
    }
    return handle;
}

static void give_back(struct tk_http *http, struct tk_http_handle *handle)
{
    bool kept;

    uv_mutex_lock(&http->lock);
    kept = handle->curl && http->idle_count < IDLE_MAX;
    if (kept) {
        handle->next = http->idle;
        http->idle = handle;
        http->idle_count++;
    }
    uv_mutex_unlock(&http->lock);
    if (!kept) {
        free_handle(handle);
    }
}

// ---- public

struct tk_http *tk_http_open(const struct tk_http_options *options)
{
    struct tk_http *http = tk_alloc(sizeof *http);

    uv_once(&once, init);
    uv_mutex_init(&http->lock);
    http->refs = 1;
    http->auth = tk_strdup(options->auth ? options->auth : "none");
    http->user = tk_strdup(options->user ? options->user : "");
    http->password = tk_strdup(options->password ? options->password : "");
    http->ca_file = tk_strdup(options->ca_file);
    http->insecure = options->insecure;
    http->login = options->login;
    http->keytab = tk_strdup(options->login.keytab);
    http->login.keytab = http->keytab;
    http->name = tk_strdup(options->login.name);
    http->login.name = http->name;
    http->logs_in = strcmp(http->auth, "negotiate") == 0;
    http->connect_timeout_ms = options->connect_timeout_ms;
    http->timeout_ms = options->timeout_ms;
    http->max_answer_bytes = options->max_answer_bytes;
    return http;
}

struct tk_http *tk_http_share(struct tk_http *http)
{
    uv_mutex_lock(&http->lock);
    http->refs++;
    uv_mutex_unlock(&http->lock);
    return http;
}

void tk_http_close(struct tk_http *http)
{
    int refs;

    if (!http) {
        return;
    }
    uv_mutex_lock(&http->lock);
    refs = --http->refs;
    uv_mutex_unlock(&http->lock);
    if (refs > 0) {
        return;
    }
    while (http->idle) {
        struct tk_http_handle *next = http->idle->next;

        free_handle(http->idle);
        http->idle = next;
    }
    uv_mutex_destroy(&http->lock);
    tk_seal_credential_drop(http->credential);
    tk_free(http->keytab);
    tk_free(http->name);
    tk_free(http->auth);
    tk_free(http->user);
    tk_free_secret(http->password);
    tk_free(http->ca_file);
    tk_free(http);
}

// The peer's own certificate, the first of what it sent.
static void take_certificate(CURL *curl, struct tk_http_leg *leg)
{
    struct curl_certinfo *info = NULL;

    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || !info ||
        info->num_of_certs < 1) {
        return;
    }
    for (struct curl_slist *line = info->certinfo[0]; line; line = line->next) {
        if (strncmp(line->data, "Cert:", 5) == 0) {
            tk_buffer_puts(&leg->certificate, line->data + 5);
        }
    }
}

static void take_answer(CURL *curl, const struct tk_transfer *t, struct tk_http_answer *answer)
{
    char *content_type = NULL;
    long status = 0;

    answer->sent = tk_transfer_is_sent(t);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &content_type);
    tk_format(answer->content_type, sizeof answer->content_type, "%s",
              content_type ? content_type : "");
}

enum tk_http_error tk_http_perform(struct tk_http *http, struct tk_http_handle *handle,
                                   struct tk_http_leg *leg, const struct tk_limit *limit,
                                   struct tk_http_answer *answer, char *message,
                                   size_t message_size)
{
    struct tk_transfer t = {.answer = answer, .body_len = leg->body_len};
    int64_t left_ms = tk_limit_left_ms(limit);
    CURL *curl = handle->curl;
    struct curl_slist *list;
    enum tk_http_error result;
    CURLcode code;

    memset(answer, 0, sizeof *answer);
    if (left_ms == 0) {
        snprintf(message, message_size, "no time is left for this request");
        return TK_HTTP_TIMEOUT;
    }
    t.max_answer_bytes = http->max_answer_bytes;
    t.reads_only = strcmp(leg->method, "GET") == 0 || strcmp(leg->method, "HEAD") == 0;
    t.same_connection = leg->same_connection;
    list = header_list(http, leg->headers);
    set_peer(curl, http);
    tk_transfer_attach(&t, curl);
    set_request(curl, leg->method, leg->url, leg->body, leg->body_len);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_CERTINFO, leg->wants_certificate ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, capped_ms(http->connect_timeout_ms, left_ms));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, capped_ms(http->timeout_ms, left_ms));

    code = curl_easy_perform(curl);
    result = tk_transfer_judge(&t, curl, code);
    take_answer(curl, &t, answer);
    if (leg->wants_certificate) {
        take_certificate(curl, leg);
    }
    leg->lost = t.lost;
    leg->token = t.token;
    if (result != TK_HTTP_OK) {
        tk_transfer_say_why(&t, code, message, message_size);
    }
    curl_easy_reset(curl); // the connection stays
    curl_slist_free_all(list);
    return result;
}

enum tk_http_error tk_http_request(struct tk_http *http, const char *method, const char *url,
                                   const char *const *headers, const char *body, size_t body_len,
                                   const struct tk_limit *limit, struct tk_http_answer *answer,
                                   char *message, size_t message_size)
{
    struct tk_http_leg leg = {
        .method = method, .url = url, .headers = headers, .body = body, .body_len = body_len};
    const char *refused = refusal(http, method, url, headers);
    struct tk_http_handle *handle;
    enum tk_http_error result;

    memset(answer, 0, sizeof *answer);
    message[0] = '\0';
    if (refused) {
        return bad_request(message, message_size, refused);
    }
    handle = take(http);
    if (!handle) {
        return bad_request(message, message_size, "libcurl does not start");
    }
    result = (http->logs_in ? tk_http_login_request : tk_http_perform)(
        http, handle, &leg, limit, answer, message, message_size);
    tk_buffer_free(&leg.token);
    tk_buffer_free(&leg.certificate);
    give_back(http, handle);
    return result;
}

void tk_http_used(struct tk_http *http, char *out, size_t size)
{
    uv_mutex_lock(&http->lock);
    snprintf(out, size, "%s", http->used);
    uv_mutex_unlock(&http->lock);
}

void tk_http_answer_free(struct tk_http_answer *answer)
{
    tk_buffer_free(&answer->body);
    memset(answer, 0, sizeof *answer);
}
