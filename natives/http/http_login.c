// Requests of a peer that logs in: the security context belongs to the connection (MS-WSMV
// 3.1.5.1, RFC 4559), so that each handle proves once who we are, and then its requests carry no
// header for that any more. Over http each message is encrypted by the context.
//
// What is encrypted is sent on the very connection that the context was made on: libcurl is kept
// from opening another one, and where that would be needed a new context is made first. A request
// that the host may have carried out is never repeated.
#include <stdio.h>
#include <string.h>

#include "http_peer.h"
#include "seal/certificate.h"
#include "seal/seal_frame.h"
#include "small/base64.h"

#define LEGS_MAX         6
#define LASTS_SECONDS    60 // a context with less time left is not begun with
#define TOKEN_MAX_BASE64 (96 * 1024)

struct request {
    struct tk_http *http;
    struct tk_http_handle *handle;
    struct tk_http_leg *leg; // as it was asked for, in clear
    const struct tk_limit *limit;
    struct tk_http_answer *answer;
    char *message;
    size_t message_size;
    bool secure; // over TLS
};

static bool is_secure(const char *url)
{
    return strncmp(url, "https://", 8) == 0;
}

// "https://[::1]:5986/wsman" -> "::1"; caller frees.
static char *host_of(const char *url)
{
    const char *begin = strstr(url, "://") + 3;
    const char *bracket = *begin == '[' ? strchr(begin, ']') : NULL;

    return bracket ? tk_strndup(begin + 1, (size_t)(bracket - begin - 1))
                   : tk_strndup(begin, strcspn(begin, ":/"));
}

static enum tk_http_error refuse(struct request *r, const char *why)
{
    tk_fail(&r->answer->failure, TK_WMI_AUTH, "logging in to %.120s failed: %s", r->leg->url, why);
    r->answer->sent = false;
    return TK_HTTP_LOGIN;
}

// A connection that the host does not keep, in the middle of what needs it.
static enum tk_http_error broke(struct request *r)
{
    snprintf(r->message, r->message_size, "the host did not keep the connection while we log in");
    return TK_HTTP_BROKEN;
}

// ---- the credential of the peer

static void drop_credential(struct tk_http *http)
{
    if (http->credential) {
        tk_seal_credential_spoil(http->credential);
        tk_seal_credential_drop(http->credential);
        http->credential = NULL;
    }
}

static struct tk_seal_credential *credential_of(struct tk_http *http, struct tk_failure *err)
{
    struct tk_seal_who who = {
        .user = *http->user ? http->user : NULL,
        .password = *http->password ? http->password : NULL,
        .keytab = http->login.keytab,
        .ticket = http->login.ticket,
        .mechanism = http->login.only_kerberos ? TK_SEAL_ONLY_KERBEROS
                     : http->login.only_ntlm   ? TK_SEAL_ONLY_NTLM
                                               : TK_SEAL_NEGOTIATE,
    };
    struct tk_seal_credential *credential = NULL;

    uv_mutex_lock(&http->lock);
    if (http->credential && !tk_seal_credential_lasts(http->credential, LASTS_SECONDS)) {
        drop_credential(http);
    }
    if (!http->credential) {
        tk_seal_acquire(&http->credential, &who, err);
    }
    if (http->credential) {
        credential = tk_seal_credential_share(http->credential);
    }
    uv_mutex_unlock(&http->lock);
    return credential;
}

// The next context asks the domain anew.
static void forget_credential(struct tk_http *http)
{
    uv_mutex_lock(&http->lock);
    drop_credential(http);
    uv_mutex_unlock(&http->lock);
}

// ---- making a context

static enum tk_http_error send_leg(struct request *r, struct tk_http_leg *leg,
                                   const struct tk_buffer *token)
{
    struct tk_buffer line = {0};
    const char *headers[] = {NULL, NULL};
    enum tk_http_error result;

    if (token) {
        tk_buffer_puts(&line, "Authorization: Negotiate ");
        tk_base64_encode(&line, token->text, token->len);
        headers[0] = line.text;
    }
    leg->method = "POST";
    leg->url = r->leg->url;
    leg->headers = headers;
    leg->body = "";
    tk_http_answer_free(r->answer);
    result =
        tk_http_perform(r->http, r->handle, leg, r->limit, r->answer, r->message, r->message_size);
    r->answer->sent = false; // of the request proper nothing has left
    tk_buffer_free(&r->answer->body);
    tk_buffer_free(&line);
    return result;
}

// Connects, and learns the certificate. The host refuses the request, as it must.
static enum tk_http_error ask_certificate(struct request *r, struct tk_buffer *binding)
{
    struct tk_http_leg leg = {.wants_certificate = true};
    enum tk_http_error result = send_leg(r, &leg, NULL);

    if (result == TK_HTTP_OK && leg.certificate.text) {
        tk_certificate_binding(binding, leg.certificate.text);
    }
    tk_buffer_free(&leg.certificate);
    tk_buffer_free(&leg.token);
    return result;
}

// The host's next token into the context, whose next one goes into `token`.
static bool take_token(struct request *r, struct tk_buffer *base64, struct tk_buffer *token)
{
    struct tk_buffer in = {0};
    bool good = base64->len > 0 && base64->len <= TOKEN_MAX_BASE64 &&
                tk_base64_decode(&in, base64->text, base64->len);

    tk_buffer_free(token);
    if (!good) {
        refuse(r, base64->len > 0 ? "the host's token cannot be read" : "the host gave no token");
    } else {
        good = tk_seal_step(r->handle->seal, in.text, in.len, token, &r->answer->failure) == 0;
    }
    tk_buffer_free(&in);
    return good;
}

// Sends tokens back and forth until both sides are satisfied, or the host says no: then
// TK_HTTP_OK, and the status of *r->answer tells what it said.
static enum tk_http_error negotiate(struct request *r, struct tk_buffer *token)
{
    enum tk_http_error result = TK_HTTP_OK;

    for (int i = 0; i < LEGS_MAX; i++) {
        struct tk_http_leg leg = {.same_connection = i > 0 || r->secure};
        bool more;

        result = send_leg(r, &leg, token);
        if (leg.lost) {
            return broke(r);
        }
        more = result == TK_HTTP_OK && leg.token.len > 0 && !tk_seal_is_done(r->handle->seal);
        if (more && !take_token(r, &leg.token, token)) {
            result = TK_HTTP_LOGIN;
        }
        tk_buffer_free(&leg.token);
        if (result != TK_HTTP_OK || (r->answer->status != 200 && r->answer->status != 401) ||
            (r->answer->status == 401 && !more)) {
            return result;
        }
        if (r->answer->status == 200) {
            return tk_seal_is_done(r->handle->seal) ? TK_HTTP_OK
                                                    : refuse(r, "the host did not prove who it is");
        }
    }
    return refuse(r, "the host asks for ever more tokens");
}

// Where only NTLM was left and the host refused that, too, the reason lies with Kerberos.
static enum tk_http_error refused(struct request *r)
{
    const struct tk_failure *kerberos = tk_seal_instead(r->handle->seal);
    struct tk_failure *err = &r->answer->failure;

    if (!kerberos || r->answer->status != 401) {
        return TK_HTTP_OK;
    }
    tk_fail(err, kerberos->code, "%.400s; NTLM, which was tried instead, the host refused",
            kerberos->message);
    tk_fail_hint(err, "check user and password; %s", kerberos->hint);
    err->http = 401;
    return TK_HTTP_LOGIN;
}

static void note_used(struct request *r)
{
    const struct tk_seal *seal = r->handle->seal;

    uv_mutex_lock(&r->http->lock);
    snprintf(r->http->used, sizeof r->http->used, "%s as %.90s, %s", tk_seal_mechanism_name(seal),
             tk_seal_account(seal), r->secure ? "over TLS" : "messages encrypted");
    uv_mutex_unlock(&r->http->lock);
}

// A new connection with a context. After TK_HTTP_OK without one, *r->answer has the refusal.
static enum tk_http_error log_in(struct request *r)
{
    struct tk_seal_credential *credential;
    struct tk_buffer binding = {0}, token = {0};
    char *host = r->http->name ? tk_strdup(r->http->name) : host_of(r->leg->url);
    struct tk_seal_target target = {.host = host, .encrypts = !r->secure};
    enum tk_http_error result = TK_HTTP_LOGIN;
    struct tk_limit soon;

    tk_http_handle_renew(r->handle);
    credential = credential_of(r->http, &r->answer->failure);
    if (!credential || !r->handle->curl) {
        goto done;
    }
    if (r->secure) {
        result = ask_certificate(r, &binding);
        if (result != TK_HTTP_OK) {
            goto done;
        }
        target.binding = binding.text;
        target.binding_len = binding.len;
        result = TK_HTTP_LOGIN;
    }
    soon = r->http->timeout_ms > 0 ? tk_limit_sooner(r->limit, r->http->timeout_ms) : *r->limit;
    if (tk_seal_start(&r->handle->seal, credential, &target, &token, &soon, &r->answer->failure) !=
        0) {
        forget_credential(r->http);
        goto done;
    }
    result = negotiate(r, &token);
    if (result == TK_HTTP_OK && tk_seal_is_done(r->handle->seal) && r->answer->status == 200) {
        note_used(r);
    } else {
        result = result == TK_HTTP_OK ? refused(r) : result;
        tk_seal_close(r->handle->seal);
        r->handle->seal = NULL;
        forget_credential(r->http);
    }
done:
    tk_seal_credential_drop(credential);
    tk_buffer_free(&binding);
    tk_buffer_free(&token);
    tk_free(host);
    return result;
}

// ---- the request proper

static enum tk_http_error unseal(struct request *r)
{
    struct tk_http_answer *answer = r->answer;
    struct tk_failure *err = &answer->failure;
    struct tk_buffer plain = {0};
    struct tk_seal_frame frame;
    bool good;

    if (!tk_seal_frame_claims(answer->content_type)) {
        // Anybody on the way can write this, so that only the status is told.
        tk_buffer_free(&answer->body);
        if (answer->status != 200) {
            return TK_HTTP_OK;
        }
        tk_fail(err, TK_WMI_SEAL, "the host answered without encryption, which is not accepted");
        return TK_HTTP_LOGIN;
    }
    good =
        tk_seal_frame_read(&frame, answer->content_type, answer->body.text ? answer->body.text : "",
                           answer->body.len, err) == 0 &&
        tk_seal_unwrap(r->handle->seal, frame.header, frame.header_len, frame.sealed,
                       frame.sealed_len, &plain, err) == 0;
    if (good && plain.len != frame.plain_len) {
        tk_fail(err, TK_WMI_SEAL, "an encrypted answer is %zu bytes long instead of %zu", plain.len,
                frame.plain_len);
        good = false;
    }
    if (!good) {
        tk_buffer_free(&plain);
        return TK_HTTP_LOGIN;
    }
    snprintf(answer->content_type, sizeof answer->content_type, "%s", frame.inner_type);
    tk_buffer_free(&answer->body);
    answer->body = plain;
    return TK_HTTP_OK;
}

// Sends the request on the handle's connection, encrypted where TLS does not do that.
static enum tk_http_error send_request(struct request *r, struct tk_http_leg *leg)
{
    const char *headers[] = {NULL, NULL};
    struct tk_buffer header = {0}, sealed = {0}, body = {0};
    char type[160];
    enum tk_http_error result;

    *leg = *r->leg;
    leg->same_connection = true;
    tk_http_answer_free(r->answer);
    if (!r->secure) {
        if (tk_seal_wrap(r->handle->seal, leg->body, leg->body_len, &header, &sealed,
                         &r->answer->failure) != 0) {
            return TK_HTTP_LOGIN;
        }
        tk_seal_frame_write(&body, TK_SEAL_SPNEGO, leg->body_len, &header, &sealed);
        snprintf(type, sizeof type, "Content-Type: %s", tk_seal_frame_type(TK_SEAL_SPNEGO));
        headers[0] = type;
        leg->headers = headers;
        leg->body = body.text;
        leg->body_len = body.len;
    }
    result =
        tk_http_perform(r->http, r->handle, leg, r->limit, r->answer, r->message, r->message_size);
    if (result == TK_HTTP_OK && !r->secure && r->answer->status != 401) {
        result = unseal(r);
    }
    tk_buffer_free(&header);
    tk_buffer_free(&sealed);
    tk_buffer_free(&body);
    tk_buffer_free(&leg->token);
    return result;
}

enum tk_http_error tk_http_login_request(struct tk_http *http, struct tk_http_handle *handle,
                                         struct tk_http_leg *leg, const struct tk_limit *limit,
                                         struct tk_http_answer *answer, char *message,
                                         size_t message_size)
{
    struct request r = {http,   handle,  leg,          limit,
                        answer, message, message_size, is_secure(leg->url)};
    bool kept = handle->seal && tk_seal_lasts(handle->seal, LASTS_SECONDS);
    enum tk_http_error result = TK_HTTP_OK;

    if (handle->seal && !kept) { // expired, and so is what it was made with
        forget_credential(http);
    }
    for (;;) {
        struct tk_http_leg out;
        bool again;

        if (!kept) {
            result = log_in(&r);
            if (result != TK_HTTP_OK || !handle->seal) {
                break;
            }
        }
        result = send_request(&r, &out);
        // Nothing was carried out in either case: the connection was gone before anything was
        // sent, or the host does not know the context any more.
        again = kept &&
                ((out.lost && !answer->sent) || (result == TK_HTTP_OK && answer->status == 401));
        if (result != TK_HTTP_OK || answer->status == 401) {
            tk_seal_close(handle->seal);
            handle->seal = NULL;
        }
        if (!again) {
            result = out.lost && !kept ? broke(&r) : result;
            break;
        }
        kept = false;
    }
    if (!handle->seal) { // a connection without its context is of no use
        tk_http_handle_renew(handle);
    }
    return result;
}
