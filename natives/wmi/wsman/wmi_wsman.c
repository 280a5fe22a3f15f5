// WMI over WS-Management: SOAP over HTTP(S), answered by WinRM (MS-WSMV). Everything here blocks
// and may run on several threads at once: a transport holds nothing that changes, and http.c keeps
// the connections.
//
// What only reads may be asked a second time when the connection breaks; a method is sent once, and
// whenever its answer is not seen the failure says whether it may have been executed.
#include <stdio.h>
#include <string.h>

#include "http/http.h"
#include "wmi/wmi.h"
#include "wsman.h"

#define CONNECT_MS       10000
#define REQUEST_MS       60000
#define RELEASE_MS       1000
#define PULL_PAUSE_MS    10 // after a Pull that gave nothing; grows
#define PULL_PAUSE_MOST  200
#define MAX_ANSWER_BYTES (32u * 1024 * 1024)
#define BATCH_ITEMS      100
#define MAX_ITEMS        100000
#define MAX_PULLS        2000 // of one query; with full batches twice the objects that it may give
#define MAX_IDLE_PULLS   30   // one after the other that give nothing
#define IDENTITY         "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"

// ---- query

struct query {
    struct tk_wsman *w;
    const char *name_space;
    char *uri;
    char *context; // NULL: the enumeration is at its end
    struct tk_cim_list *out;
    int pulls, idle_pulls; // so far; the last ones that gave nothing
    bool broke;            // the connection, in the middle
};

static void begin_enumeration_call(const struct query *q, struct tk_wsman_exchange *x,
                                   const char *action)
{
    x->header.action = action;
    x->header.resource_uri = q->uri;
    x->header.name_space = q->name_space;
}

static int take_items(struct query *q, const struct tk_xml *items, const struct tk_limit *limit,
                      struct tk_failure *err)
{
    struct tk_cim_object *object;

    for (const struct tk_xml *e = items ? items->first : NULL; e; e = e->next) {
        if (q->out->count >= MAX_ITEMS) {
            return tk_fail(err, TK_WMI_TOO_LARGE, "the query gives more than %d objects",
                           MAX_ITEMS);
        }
        if (tk_wsman_object(&object, e, q->name_space, limit, err) != 0) {
            return -1;
        }
        tk_cim_list_add(q->out, object);
    }
    return 0;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

// EnumerateResponse and PullResponse look the same but for the namespaces of what is in them.
static int take_response(struct query *q, const struct tk_wsman_exchange *x, const char *name,
                         const struct tk_limit *limit, struct tk_failure *err)
{
    const struct tk_xml *response = tk_xml_child(x->body, name);
    const struct tk_xml *context = tk_xml_child(response, "EnumerationContext");
    const struct tk_xml *items = tk_xml_child(response, "Items");
    bool at_end = tk_xml_child(response, "EndOfSequence") != NULL;

    if (!response || (!context && !items && !at_end)) {
        return tk_fail(err, TK_WMI_BAD_ANSWER, "the answer has no usable %s", name);
    }
    tk_free(q->context); // before the items: at the end there is nothing to release
    q->context = at_end || !context || is_blank(context->text) ? NULL : tk_strdup(context->text);
    return take_items(q, items, limit, err);
}

static int enumerate(struct query *q, const char *wql, const struct tk_limit *limit,
                     struct tk_failure *err)
{
    struct tk_wsman_exchange x = {0};
    int result;

    begin_enumeration_call(q, &x, TK_WSMAN_ENUMERATION "/Enumerate");
    tk_buffer_printf(&x.inner,
                     "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>%d</w:MaxElements>"
                     "<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">",
                     BATCH_ITEMS);
    tk_xml_escape(&x.inner, wql);
    tk_buffer_puts(&x.inner, "</w:Filter></n:Enumerate>");
    result = tk_wsman_send(q->w, &x, limit, err);
    if (result == 0) {
        result = take_response(q, &x, "EnumerateResponse", limit, err);
    }
    tk_wsman_exchange_free(&x);
    return result;
}

static int stopped(struct tk_failure *err)
{
    if (tk_cancel_get()) {
        return tk_fail(err, TK_CANCELLED, "the run was asked to stop");
    }
    return tk_fail(err, TK_WMI_TIMEOUT, "the query did not end in time");
}

static bool timed_out_without_items(const struct tk_failure *err)
{
    return err->code == TK_WMI_TIMEOUT && err->hresult == TK_WSMAN_TIMED_OUT;
}

// A server that always promises more and gives nothing, or a little for ever, would keep us for as
// long as it likes.
static int endless(const struct query *q, struct tk_failure *err)
{
    if (q->pulls > MAX_PULLS) {
        return tk_fail(err, TK_WMI_TOO_LARGE, "the query does not end after %d Pulls", MAX_PULLS);
    }
    return tk_fail(err, TK_WMI_BAD_ANSWER,
                   "the host promises more objects, but gave none in %d answers", q->idle_pulls);
}

static int64_t pause_ms(const struct query *q)
{
    int64_t ms = (int64_t)PULL_PAUSE_MS * q->idle_pulls;

    return ms < PULL_PAUSE_MOST ? ms : PULL_PAUSE_MOST;
}

// A timeout fault only says that nothing was there yet.
static int pull(struct query *q, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_wsman_exchange x = {.kind = TK_WSMAN_PULLS};
    size_t before = q->out->count;
    int result;

    if (q->pulls++ >= MAX_PULLS || q->idle_pulls >= MAX_IDLE_PULLS) {
        return endless(q, err);
    }
    begin_enumeration_call(q, &x, TK_WSMAN_ENUMERATION "/Pull");
    tk_buffer_puts(&x.inner, "<n:Pull><n:EnumerationContext>");
    tk_xml_escape(&x.inner, q->context);
    tk_buffer_printf(&x.inner, "</n:EnumerationContext><n:MaxElements>%d</n:MaxElements></n:Pull>",
                     BATCH_ITEMS);
    result = tk_wsman_send(q->w, &x, limit, err);
    if (result == 0) {
        result = take_response(q, &x, "PullResponse", limit, err);
    } else if (timed_out_without_items(err)) {
        result = 0;
    }
    q->idle_pulls = q->out->count == before ? q->idle_pulls + 1 : 0;
    if (result == 0 && q->context && q->idle_pulls > 0 && !tk_limit_sleep(limit, pause_ms(q))) {
        result = stopped(err);
    }
    q->broke = x.broke;
    tk_wsman_exchange_free(&x);
    return result;
}

// Lets the server forget an enumeration that we do not read to its end. Its answer changes nothing.
static void release(struct query *q, const struct tk_limit *limit)
{
    struct tk_limit soon = tk_limit_sooner(limit, RELEASE_MS);
    struct tk_wsman_exchange x = {0};
    struct tk_failure ignored;

    if (!q->context || tk_limit_left_ms(&soon) == 0) {
        return;
    }
    begin_enumeration_call(q, &x, TK_WSMAN_ENUMERATION "/Release");
    tk_buffer_puts(&x.inner, "<n:Release><n:EnumerationContext>");
    tk_xml_escape(&x.inner, q->context);
    tk_buffer_puts(&x.inner, "</n:EnumerationContext></n:Release>");
    tk_wsman_send(q->w, &x, &soon, &ignored);
    tk_wsman_exchange_free(&x);
}

static int query_once(struct query *q, const char *wql, const struct tk_limit *limit,
                      struct tk_failure *err)
{
    int result = enumerate(q, wql, limit, err);

    while (result == 0 && q->context) {
        result = tk_cancel_get() ? stopped(err) : pull(q, limit, err);
    }
    if (result != 0 && err->code != TK_WMI_UNREACHABLE) {
        release(q, limit);
    }
    tk_free(q->context);
    q->context = NULL;
    return result;
}

static int wsman_query(void *self, const char *name_space, const char *wql, struct tk_cim_list *out,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    struct query q = {.w = self, .name_space = name_space, .out = out};
    int result;

    q.uri = tk_wsman_resource_uri(name_space, "*"); // a class together with WQL is refused
    result = query_once(&q, wql, limit, err);
    if (result != 0 && q.broke) { // from the start: a repeated Pull could skip objects
        tk_cim_list_free(out);
        q.broke = false;
        result = query_once(&q, wql, limit, err);
    }
    if (result != 0) {
        tk_cim_list_free(out);
    }
    tk_free(q.uri);
    return result;
}

// ---- get and call

static int get_parsed(struct tk_wsman *w, const struct tk_cim_path *path, const char *name_space,
                      struct tk_cim_object **out, const struct tk_limit *limit,
                      struct tk_failure *err)
{
    char *uri = tk_wsman_resource_uri(name_space, path->keys->class_name);
    struct tk_wsman_exchange x = {0};
    int result;

    x.header.action = TK_WSMAN_TRANSFER "/Get";
    x.header.resource_uri = uri;
    x.header.name_space = name_space;
    x.header.selectors = path->keys;
    result = tk_wsman_send(w, &x, limit, err);
    if (result == 0 && !x.body->first) {
        result = tk_fail(err, TK_WMI_BAD_ANSWER, "the answer to Get has no instance");
    } else if (result == 0) {
        result = tk_wsman_object(out, x.body->first, name_space, limit, err);
    }
    tk_wsman_exchange_free(&x);
    tk_free(uri);
    return result;
}

static int wsman_get(void *self, const char *name_space, const char *path,
                     struct tk_cim_object **out, const struct tk_limit *limit,
                     struct tk_failure *err)
{
    struct tk_cim_path parsed = {0};
    const char *place;
    int result;

    if (tk_cim_path_parse(&parsed, path, err) != 0) {
        return -1;
    }
    place = parsed.name_space ? parsed.name_space : name_space;
    result = get_parsed(self, &parsed, place, out, limit, err);
    tk_cim_path_free(&parsed);
    return result;
}

static const struct tk_xml *find_output(const struct tk_xml *body, const char *method)
{
    char *name = tk_sprintf("%s_OUTPUT", method);
    const struct tk_xml *e = body->first;

    while (e && !tk_cim_same_name(e->name, name)) {
        e = e->next;
    }
    tk_free(name);
    return e;
}

static int call_parsed(struct tk_wsman *w, const struct tk_cim_path *path, const char *name_space,
                       const char *method, const struct tk_cim_object *in,
                       struct tk_cim_object **out, const struct tk_limit *limit,
                       struct tk_failure *err)
{
    char *uri = tk_wsman_resource_uri(name_space, path->keys->class_name);
    char *action = tk_sprintf("%s/%s", uri, method);
    struct tk_wsman_exchange x = {.kind = TK_WSMAN_INVOKES};
    const struct tk_xml *output;
    int result = -1;

    x.header.action = action;
    x.header.resource_uri = uri;
    x.header.name_space = name_space;
    x.header.selectors = path->keys;
    if (tk_wsman_input(&x.inner, uri, name_space, method, in, err) != 0 ||
        tk_wsman_send(w, &x, limit, err) != 0) {
        goto done;
    }
    output = find_output(x.body, method);
    if (!output) {
        tk_fail(err, TK_WMI_BAD_ANSWER, "the answer to %.100s has no output", method);
        err->maybe_executed = true;
        goto done;
    }
    result = tk_wsman_object(out, output, name_space, limit, err);
    if (result != 0) {
        err->maybe_executed = true;
    }
done:
    tk_wsman_exchange_free(&x);
    tk_free(action);
    tk_free(uri);
    return result;
}

static int wsman_call(void *self, const char *name_space, const char *path, const char *method,
                      const struct tk_cim_object *in, struct tk_cim_object **out,
                      const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_path parsed = {0};
    int result;

    if (tk_cim_path_parse(&parsed, path, err) != 0) {
        return -1;
    }
    result = call_parsed(self, &parsed, parsed.name_space ? parsed.name_space : name_space, method,
                         in, out, limit, err);
    tk_cim_path_free(&parsed);
    return result;
}

// ---- identify

// How we prove who we are, and what protects the messages, in words for people.
static const char *security_of(const struct tk_wsman *w, char *used, size_t size)
{
    bool secure = strncmp(w->url, "https://", 8) == 0;

    if (w->negotiates) {
        tk_http_used(w->http, used, size);
        return used;
    }
    return w->basic ? secure ? "Basic, over TLS" : "Basic, unencrypted"
           : secure ? "no login, over TLS"
                    : "no login, unencrypted";
}

static int wsman_identify(void *self, struct tk_cim_object **out, const struct tk_limit *limit,
                          struct tk_failure *err)
{
    static const char text[] =
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:wsmid=\"" IDENTITY
        "\"><s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>";
    struct tk_wsman_exchange x = {0};
    const struct tk_xml *response;
    char used[160];
    int result = tk_wsman_post(self, &x, text, sizeof text - 1, limit, err);

    response = result == 0 ? tk_xml_child(x.body, "IdentifyResponse") : NULL;
    if (response) {
        result = tk_wsman_object(out, response, "", limit, err);
        if (result == 0) {
            tk_cim_set(*out, "Security", TK_CIM_STRING, security_of(self, used, sizeof used));
        }
    } else if (result == 0) {
        result = tk_fail(err, TK_WMI_BAD_ANSWER, "the answer has no IdentifyResponse");
    }
    tk_wsman_exchange_free(&x);
    return result;
}

// ---- opening and closing

static void wsman_close(void *self)
{
    struct tk_wsman *w = self;

    tk_http_close(w->http);
    tk_free(w->url);
    tk_free(w);
}

// "host", "host:port", "[address]", "[address]:port" or an IPv6 address -> URL; NULL when the text
// is no host. Port 5986 means https, as Windows has it.
static char *url_of_host(const char *host, bool secure)
{
    const char *bracket = strrchr(host, ']');
    const char *colon = strrchr(host, ':');
    bool naked_v6 = !bracket && colon && strchr(host, ':') != colon;
    bool has_port = colon && !naked_v6 && (!bracket || colon > bracket);
    const char *scheme, *port;

    if (!*host || strpbrk(host, "/\\?#@ \t\r\n\"<>")) {
        return NULL;
    }
    secure = secure || (has_port && strcmp(colon, ":5986") == 0);
    scheme = secure ? "https" : "http";
    port = has_port ? "" : secure ? ":5986" : ":5985";
    return tk_sprintf(naked_v6 ? "%s://[%s]%s/wsman" : "%s://%s%s/wsman", scheme, host, port);
}

static char *url_as_told(const char *url)
{
    bool known = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;

    return known && !strpbrk(url, " \t\r\n") ? tk_strdup(url) : NULL;
}

// Nothing that is sent there leaves this computer.
static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://") + 3;

    return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost:", 10) == 0 ||
           strncmp(host, "localhost/", 10) == 0 || strncmp(host, "[::1]", 5) == 0;
}

static const struct tk_wmi_transport wsman_transport = {
    .identify = wsman_identify,
    .query = wsman_query,
    .get = wsman_get,
    .call = wsman_call,
    .close = wsman_close,
};

static bool is_one_of(const char *word, const char *const *words)
{
    while (*words && strcmp(*words, word) != 0) {
        words++;
    }
    return *words != NULL;
}

static bool negotiates(const char *auth)
{
    static const char *const words[] = {"negotiate", "kerberos", "ntlm", NULL};

    return is_one_of(auth, words);
}

// Who one is, as http.c takes it.
static int read_auth(const struct tk_wmi_options *o, struct tk_http_options *http,
                     struct tk_failure *err)
{
    static const char *const words[] = {"negotiate", "kerberos", "ntlm", "basic", "none", NULL};
    const char *auth = o->auth ? o->auth : o->user || o->keytab || o->ticket ? "negotiate" : "none";

    if (!is_one_of(auth, words)) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER,
                       "auth must be \"negotiate\", \"kerberos\", \"ntlm\" or \"basic\"");
    }
    if (!negotiates(auth) && (o->keytab || o->ticket)) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "keytab and ticket do not go with auth = \"%s\"",
                       auth);
    }
    http->auth = negotiates(auth) ? "negotiate" : auth;
    http->login.keytab = o->keytab;
    http->login.name = o->host_name;
    http->login.ticket = o->ticket;
    http->login.only_kerberos = strcmp(auth, "kerberos") == 0;
    http->login.only_ntlm = strcmp(auth, "ntlm") == 0;
    return 0;
}

static int read_url(const struct tk_wmi_options *o, const char *auth, char **url,
                    struct tk_failure *err)
{
    // Negotiate brings its own encryption; where a certificate is spoken of, https is meant.
    bool secure = !negotiates(auth) || o->ca_file || o->insecure;
    const char *told = o->url ? o->url : o->host ? o->host : "";

    if (!*told) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "either host or url is needed");
    }
    *url = o->url ? url_as_told(told) : url_of_host(told, secure);
    if (!*url) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER,
                       o->url ? "\"%.200s\" is not an address with http:// or https://"
                              : "\"%.200s\" is not a host",
                       told);
    }
    if (strcmp(auth, "basic") == 0 && strncmp(*url, "http://", 7) == 0 && !o->allow_unencrypted &&
        !is_loopback(*url)) {
        tk_fail(err, TK_WMI_BAD_PARAMETER,
                "auth = \"basic\" would send the password to %.200s in clear: leave auth out, or "
                "use https",
                *url);
        tk_free(*url);
        *url = NULL;
        return -1;
    }
    return 0;
}

int tk_wmi_wsman_open(const struct tk_wmi_transport **transport, void **self,
                      const struct tk_wmi_options *o, struct tk_failure *err)
{
    struct tk_http_options http = {
        .user = o->user,
        .password = o->password,
        .ca_file = o->ca_file,
        .insecure = o->insecure,
        .connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_MS,
        .timeout_ms = o->timeout_ms ? o->timeout_ms : REQUEST_MS,
        .max_answer_bytes = o->max_answer_bytes ? o->max_answer_bytes : MAX_ANSWER_BYTES,
    };
    struct tk_wsman *w;
    char *url = NULL;

    if (read_auth(o, &http, err) != 0 || read_url(o, http.auth, &url, err) != 0) {
        return -1;
    }
    w = tk_alloc(sizeof *w);
    w->url = url;
    w->negotiates = negotiates(http.auth);
    w->basic = strcmp(http.auth, "basic") == 0;
    w->timeout_ms = http.timeout_ms;
    w->max_answer_bytes = http.max_answer_bytes;
    w->http = tk_http_open(&http);
    *transport = &wsman_transport;
    *self = w;
    return 0;
}
