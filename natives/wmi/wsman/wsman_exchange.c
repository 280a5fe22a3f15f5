// One WS-Management request and its answer over HTTP: see wsman.h. Decides what may be asked a
// second time, and what each way of getting no proper answer means.
#include <stdio.h>
#include <string.h>

#include "http/http.h"
#include "runtime/limit.h"
#include "wmi/wmi_hresult.h"
#include "wsman.h"

#define OPERATION_MAX_MS 60000 // WinRM's MaxTimeoutms

// Less than the time that we wait ourselves, so that the server's own word arrives first.
static int64_t operation_ms(const struct tk_wsman *w, const struct tk_limit *limit)
{
    struct tk_limit mine = tk_limit_sooner(limit, w->timeout_ms);
    int64_t left = tk_limit_left_ms(&mine);
    int64_t margin = left / 10 > 2000 ? 2000 : left / 10;

    left -= margin;
    return left > OPERATION_MAX_MS ? OPERATION_MAX_MS : left > 0 ? left : 1;
}

static int transport_failure(const struct tk_wsman *w, const struct tk_wsman_exchange *x,
                             enum tk_http_error transport, bool sent, const char *message,
                             struct tk_failure *err)
{
    switch (transport) {
    case TK_HTTP_UNREACHABLE:
        tk_fail(err, TK_WMI_UNREACHABLE, "no connection to %.200s: %.200s", w->url, message);
        tk_fail_hint(err, "is the host up, is WinRM running with this listener, and does the "
                          "firewall let it through");
        break;
    case TK_HTTP_BROKEN:
        tk_fail(err, TK_WMI_UNREACHABLE, "the connection to %.200s broke: %.200s", w->url, message);
        break;
    case TK_HTTP_TIMEOUT:
        tk_fail(err, TK_WMI_TIMEOUT, "no answer from %.200s in time: %.200s", w->url, message);
        break;
    case TK_HTTP_TLS:
        tk_fail(err, TK_WMI_TLS, "%.200s: %.200s", w->url, message);
        tk_fail_hint(err, "name the authority's certificate with ca, and the host as it stands in "
                          "its certificate");
        break;
    case TK_HTTP_CANCELLED:
        tk_fail(err, TK_CANCELLED, "%.200s", message);
        break;
    case TK_HTTP_TOO_LARGE:
        tk_fail(err, TK_WMI_TOO_LARGE, "%.200s", message);
        break;
    default:
        tk_fail(err, TK_WMI_BAD_PARAMETER, "%.200s: %.200s", w->url, message);
        break;
    }
    err->maybe_executed = x->kind == TK_WSMAN_INVOKES && sent;
    return tk_fail_target(err, w->url);
}

// What to do about a 401 depends on what was tried and on what the host takes instead.
static int auth_failure(const struct tk_wsman *w, const struct tk_http_answer *answer,
                        struct tk_failure *err)
{
    bool takes_basic = strstr(answer->offers, "Basic") != NULL;
    bool takes_negotiate = strstr(answer->offers, "Negotiate") != NULL;

    if (w->negotiates) {
        tk_fail(err, TK_WMI_AUTH, "the host refused the account");
        tk_fail_hint(err, takes_negotiate || !answer->offers[0]
                              ? "is it the right account and password, and may it log on to the "
                                "host over the network; an account of the host itself is written "
                                "HOST\\user and needs LocalAccountTokenFilterPolicy"
                              : "this listener does not offer Negotiate: winrm set "
                                "winrm/config/service/auth @{Negotiate=\"true\"; "
                                "Kerberos=\"true\"}");
    } else if (w->basic) {
        tk_fail(err, TK_WMI_AUTH, "the host refused user or password");
        tk_fail_hint(err, takes_basic ? "Basic takes local accounts of the host only; auth = "
                                        "\"negotiate\" is the way for a domain's"
                                      : "the host does not take Basic, as Windows is by default: "
                                        "leave auth out, and Negotiate is used");
    } else {
        tk_fail(err, TK_WMI_AUTH, "the host wants to know who asks");
        tk_fail_hint(err, "give user and password, keytab, or ticket = true");
    }
    err->http = 401;
    return tk_fail_target(err, w->url);
}

// 500 without a word is how WinRM refuses a message that is not encrypted (MS-WSMV 3.1.4.1.30).
static int no_words(const struct tk_wsman *w, struct tk_failure *err)
{
    if (w->negotiates) {
        tk_fail(err, TK_WMI_FAULT, "HTTP 500 without a word: the host could not read the request");
        tk_fail_hint(err, "see the log Microsoft-Windows-WinRM/Operational on the host");
    } else {
        tk_fail(err, TK_WMI_FAULT, "the host does not take unencrypted requests");
        tk_fail_hint(err, "leave auth out, and requests are encrypted; or use https");
    }
    err->http = 500;
    return tk_fail_target(err, w->url);
}

// A page instead of an envelope: http.sys answers so for a WinRM that is stopped, others by
// mistake.
static int no_soap(const struct tk_wsman *w, const struct tk_wsman_exchange *x,
                   const char *content_type, const char *why, struct tk_failure *err)
{
    struct tk_wmi_page page = tk_wmi_page_of(x->http);

    if (page.code == TK_WMI_ACCESS) {
        tk_fail(err, page.code, "the host refused access (HTTP 403)");
    } else if (page.code == TK_WMI_UNREACHABLE) {
        tk_fail(err, page.code, "%.200s answers, but WinRM does not (HTTP %d)", w->url, x->http);
        tk_fail_hint(err, "is the service WinRM running there, with a listener for this address");
    } else {
        tk_fail(err, page.code, "HTTP %d with %.60s instead of a SOAP envelope: %.300s", x->http,
                content_type[0] ? content_type : "nothing", why);
        if (x->http != 200 && x->http != 500) {
            tk_fail_hint(err, "this may be another program, or a proxy, that answers there");
        }
    }
    err->transient = (page.marks & TK_PASSES) != 0;
    err->http = x->http;
    err->maybe_executed = x->kind == TK_WSMAN_INVOKES && (page.marks & TK_MAYBE_DONE);
    return -1;
}

// Looks for the body, or for the fault in it, whatever the HTTP status is.
static int read_answer(struct tk_wsman *w, struct tk_wsman_exchange *x,
                       const struct tk_http_answer *answer, struct tk_failure *err)
{
    struct tk_xml_limits limits = {.max_bytes = (size_t)w->max_answer_bytes};
    const struct tk_xml *fault;

    x->http = answer->status;
    if (x->http == 401) {
        return auth_failure(w, answer, err);
    }
    if (x->http == 500 && answer->body.len == 0) {
        return no_words(w, err);
    }
    if (tk_xml_parse(&x->root, answer->body.text ? answer->body.text : "", answer->body.len,
                     &limits, err) != 0) {
        char why[sizeof err->message];

        memcpy(why, err->message, sizeof why);
        return no_soap(w, x, answer->content_type, why, err);
    }
    x->body = strcmp(x->root->name, "Envelope") == 0 ? tk_xml_child(x->root, "Body") : NULL;
    if (!x->body) {
        return no_soap(w, x, answer->content_type, "the document is another one", err);
    }
    fault = tk_xml_child(x->body, "Fault");
    if (fault) {
        return tk_wsman_fault(fault, x->kind == TK_WSMAN_INVOKES, x->http, err);
    }
    if (x->http != 200) {
        return no_soap(w, x, answer->content_type, "no fault is in it", err);
    }
    return 0;
}

static int post(struct tk_wsman *w, struct tk_wsman_exchange *x, const char *text, size_t len,
                const struct tk_limit *limit, struct tk_failure *err)
{
    static const char *const headers[] = {"Content-Type: application/soap+xml;charset=UTF-8", NULL};
    struct tk_http_answer answer;
    enum tk_http_error transport;
    char message[256];
    int result;

    transport = tk_http_request(w->http, "POST", w->url, headers, text, len, limit, &answer,
                                message, sizeof message);
    x->broke = transport == TK_HTTP_BROKEN;
    if (transport == TK_HTTP_LOGIN) {
        *err = answer.failure;
        err->maybe_executed = x->kind == TK_WSMAN_INVOKES && answer.sent;
        result = tk_fail_target(err, w->url);
    } else if (transport != TK_HTTP_OK) {
        result = transport_failure(w, x, transport, answer.sent, message, err);
    } else {
        result = read_answer(w, x, &answer, err);
    }
    tk_http_answer_free(&answer);
    return result;
}

int tk_wsman_post(struct tk_wsman *w, struct tk_wsman_exchange *x, const char *text, size_t len,
                  const struct tk_limit *limit, struct tk_failure *err)
{
    int result = post(w, x, text, len, limit, err);

    if (x->broke && x->kind == TK_WSMAN_READS) {
        tk_xml_free(x->root);
        x->root = NULL;
        x->body = NULL;
        result = post(w, x, text, len, limit, err);
    }
    return result;
}

int tk_wsman_send(struct tk_wsman *w, struct tk_wsman_exchange *x, const struct tk_limit *limit,
                  struct tk_failure *err)
{
    struct tk_buffer envelope = {0};
    int result;

    x->header.to = w->url;
    x->header.operation_ms = operation_ms(w, limit);
    tk_wsman_begin(&envelope, &x->header);
    if (x->inner.text) {
        tk_buffer_add(&envelope, x->inner.text, x->inner.len);
    }
    tk_wsman_end(&envelope);
    result = tk_wsman_post(w, x, envelope.text, envelope.len, limit, err);
    tk_buffer_free(&envelope);
    return result;
}

void tk_wsman_exchange_free(struct tk_wsman_exchange *x)
{
    tk_buffer_free(&x->inner);
    tk_xml_free(x->root);
    memset(x, 0, sizeof *x);
}
