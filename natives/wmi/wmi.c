// WMI whatever carries it: see wmi.h. Checks what comes in, counts references, and hands on to the
// transport.
#include "wmi.h"

#include <stdatomic.h>
#include <string.h>

#define MAX_NAMESPACE_BYTES 256
#define MAX_METHOD_BYTES    128
#define MAX_QUERY_BYTES     65536

// The connection to a host, shared by handles for several namespaces.
struct connection {
    atomic_int refs;
    const struct tk_wmi_transport *transport;
    void *self;
    bool local;
};

struct tk_wmi {
    atomic_int refs;
    struct connection *connection;
    char *name_space;
};

static const struct tk_wmi_transport_entry wsman = {"wsman", tk_wmi_wsman_open};

static const struct tk_wmi_transport_entry *find_transport(const char *name)
{
    const struct tk_wmi_transport_entry *entry = tk_wmi_platform_transports;

    if (strcmp(name, wsman.name) == 0) {
        return &wsman;
    }
    while (entry->name && strcmp(name, entry->name) != 0) {
        entry++;
    }
    return entry->name ? entry : NULL;
}

bool tk_wmi_has_transport(const char *name)
{
    return find_transport(name) != NULL;
}

// ---- handles

static bool is_name(const char *text, const char *also)
{
    if (!*text) {
        return false;
    }
    for (; *text; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                      (*text >= '0' && *text <= '9');

        if (!letter && !strchr(also, *text)) {
            return false;
        }
    }
    return true;
}

// "root\virtualization\v2" -> "root/virtualization/v2". NULL when it is no namespace.
static char *clean_namespace(const char *text)
{
    char *copy;
    size_t len;

    if (!text || strlen(text) > MAX_NAMESPACE_BYTES || !is_name(text, "_-/\\")) {
        return NULL;
    }
    while (*text == '/' || *text == '\\') {
        text++;
    }
    copy = tk_strdup(text);
    for (len = 0; copy[len]; len++) {
        if (copy[len] == '\\') {
            copy[len] = '/';
        }
    }
    while (len > 0 && copy[len - 1] == '/') {
        copy[--len] = '\0';
    }
    return copy;
}

static void drop_connection(struct connection *c)
{
    if (atomic_fetch_sub(&c->refs, 1) == 1) {
        c->transport->close(c->self);
        tk_free(c);
    }
}

// Takes one reference of the connection, also when it fails.
static int make_handle(struct tk_wmi **out, struct connection *c, const char *name_space,
                       struct tk_failure *err)
{
    char *clean = clean_namespace(name_space);

    if (!clean || !*clean) {
        drop_connection(c);
        tk_free(clean);
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "\"%.100s\" is not a namespace",
                       name_space ? name_space : "");
    }
    *out = tk_alloc(sizeof **out);
    atomic_init(&(*out)->refs, 1);
    (*out)->connection = c;
    (*out)->name_space = clean;
    return 0;
}

int tk_wmi_open(struct tk_wmi **out, const struct tk_wmi_options *options, struct tk_failure *err)
{
    const char *otherwise = options->host || options->url ? "wsman" : "local";
    const char *name = options->transport ? options->transport : otherwise;
    const struct tk_wmi_transport_entry *entry = find_transport(name);
    struct connection *c;

    *out = NULL;
    if (!entry && (strcmp(name, "local") == 0 || strcmp(name, "dcom") == 0)) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "the transport \"%s\" is there on Windows only",
                       name);
    }
    if (!entry) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "there is no transport \"%.40s\" here", name);
    }
    c = tk_alloc(sizeof *c);
    atomic_init(&c->refs, 1);
    c->local = strcmp(name, "local") == 0;
    if (entry->open(&c->transport, &c->self, options, err) != 0) {
        tk_free(c);
        return -1;
    }
    return make_handle(out, c, options->name_space, err);
}

bool tk_wmi_is_local(const struct tk_wmi *wmi)
{
    return wmi->connection->local;
}

int tk_wmi_namespace(struct tk_wmi **out, struct tk_wmi *base, const char *name_space,
                     struct tk_failure *err)
{
    *out = NULL;
    atomic_fetch_add(&base->connection->refs, 1);
    return make_handle(out, base->connection, name_space, err);
}

struct tk_wmi *tk_wmi_share(struct tk_wmi *wmi)
{
    atomic_fetch_add(&wmi->refs, 1);
    return wmi;
}

void tk_wmi_close(struct tk_wmi *wmi)
{
    if (wmi && atomic_fetch_sub(&wmi->refs, 1) == 1) {
        drop_connection(wmi->connection);
        tk_free(wmi->name_space);
        tk_free(wmi);
    }
}

const char *tk_wmi_namespace_of(const struct tk_wmi *wmi)
{
    return wmi->name_space;
}

// ---- operations

static int with_target(int result, const char *target, struct tk_failure *err)
{
    if (result != 0 && !err->target[0]) {
        tk_fail_target(err, target);
    }
    return result;
}

static int no_time(struct tk_failure *err)
{
    return tk_cancel_get() ? tk_fail(err, TK_CANCELLED, "the run was asked to stop")
                           : tk_fail(err, TK_DEADLINE, "no time is left for this request");
}

// True when a request may still begin.
static bool may_begin(const struct tk_limit *limit)
{
    return tk_limit_left_ms(limit) > 0;
}

int tk_wmi_identify(struct tk_cim_object **out, struct tk_wmi *wmi, const struct tk_limit *limit,
                    struct tk_failure *err)
{
    *out = NULL;
    if (!may_begin(limit)) {
        return no_time(err);
    }
    return wmi->connection->transport->identify(wmi->connection->self, out, limit, err);
}

int tk_wmi_query(struct tk_cim_list *out, struct tk_wmi *wmi, const char *wql,
                 const struct tk_limit *limit, struct tk_failure *err)
{
    memset(out, 0, sizeof *out);
    if (strlen(wql) > MAX_QUERY_BYTES) {
        return tk_fail(err, TK_WMI_BAD_QUERY, "the query is longer than %d bytes", MAX_QUERY_BYTES);
    }
    if (!may_begin(limit)) {
        return no_time(err);
    }
    return with_target(wmi->connection->transport->query(wmi->connection->self, wmi->name_space,
                                                         wql, out, limit, err),
                       wql, err);
}

int tk_wmi_get(struct tk_cim_object **out, struct tk_wmi *wmi, const char *path,
               const struct tk_limit *limit, struct tk_failure *err)
{
    *out = NULL;
    if (!may_begin(limit)) {
        return no_time(err);
    }
    return with_target(wmi->connection->transport->get(wmi->connection->self, wmi->name_space, path,
                                                       out, limit, err),
                       path, err);
}

int tk_wmi_call(struct tk_cim_object **out, struct tk_wmi *wmi, const char *path,
                const char *method, const struct tk_cim_object *in, const struct tk_limit *limit,
                struct tk_failure *err)
{
    *out = NULL;
    if (strlen(method) > MAX_METHOD_BYTES || !is_name(method, "_")) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "\"%.100s\" is not the name of a method", method);
    }
    for (size_t i = 0; in && i < in->count; i++) {
        if (!is_name(in->properties[i].name, "_")) {
            return tk_fail(err, TK_WMI_BAD_PARAMETER, "\"%.100s\" is not the name of a parameter",
                           in->properties[i].name);
        }
    }
    if (!may_begin(limit)) {
        return no_time(err);
    }
    return with_target(wmi->connection->transport->call(wmi->connection->self, wmi->name_space,
                                                        path, method, in, out, limit, err),
                       path, err);
}

char *tk_wql_quote(const char *text)
{
    struct tk_buffer b = {0};

    tk_buffer_add(&b, "", 0);
    for (; *text; text++) {
        if (*text == '\\' || *text == '\'') {
            tk_buffer_puts(&b, "\\");
        }
        tk_buffer_add(&b, text, 1);
    }
    return b.text;
}
