// The handle of hyperv and what all its files need: queries, the paths of Hyper-V's two services,
// methods followed to their end. The service's own paths are asked for, not made up, because only
// over WS-Management some of their keys may be left out. They do not change while a host runs, so
// one question is enough for the life of the handle.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "hyperv_common.h"

#define SERVICES_MAX 2

struct tk_hyperv {
    struct tk_wmi *wmi;
    int64_t job_timeout_ms;
    uv_mutex_t lock; // of what follows
    int shares;
    struct {
        const char *class_name;
        char *path;
    } services[SERVICES_MAX];
    char *host;
    char absent[TK_GUID_SIZE]; // the machine that was not there when it was looked for last
    struct tk_wmi *windows;    // root/cimv2 over the same connection; NULL until it is needed
    // constant
    char *expected, *node;
};

struct tk_hyperv *tk_hyperv_open(struct tk_wmi *wmi, const struct tk_hyperv_options *options)
{
    struct tk_hyperv *h = tk_alloc(sizeof *h);

    h->wmi = tk_wmi_share(wmi);
    h->job_timeout_ms = options->job_timeout_ms;
    h->expected = tk_strdup(options->host);
    h->node = tk_strdup(options->node ? options->node : options->host);
    h->shares = 1;
    uv_mutex_init(&h->lock);
    return h;
}

struct tk_hyperv *tk_hyperv_share(struct tk_hyperv *h)
{
    uv_mutex_lock(&h->lock);
    h->shares++;
    uv_mutex_unlock(&h->lock);
    return h;
}

void tk_hyperv_close(struct tk_hyperv *h)
{
    int left;

    if (!h) {
        return;
    }
    uv_mutex_lock(&h->lock);
    left = --h->shares;
    uv_mutex_unlock(&h->lock);
    if (left > 0) {
        return;
    }
    tk_wmi_close(h->wmi);
    for (size_t i = 0; i < SERVICES_MAX; i++) {
        tk_free(h->services[i].path);
    }
    tk_free(h->host);
    tk_free(h->expected);
    tk_free(h->node);
    if (h->windows) {
        tk_wmi_close(h->windows);
    }
    uv_mutex_destroy(&h->lock);
    tk_free(h);
}

int64_t tk_hyperv_job_timeout_ms(const struct tk_hyperv *h)
{
    return h->job_timeout_ms;
}

struct tk_wmi *tk_hyperv_wmi(const struct tk_hyperv *h)
{
    return h->wmi;
}

// ---- texts

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool tk_guid_parse(const char *text, char out[TK_GUID_SIZE])
{
    size_t len = strlen(text);

    if (len == TK_GUID_SIZE + 1 && text[0] == '{' && text[len - 1] == '}') {
        text++;
        len -= 2;
    }
    if (len != TK_GUID_SIZE - 1) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = upper(text[i]);
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'))) {
            return false;
        }
        out[i] = c;
    }
    out[len] = '\0';
    return true;
}

bool tk_same_text(const char *a, const char *b)
{
    return a && b && tk_cim_same_name(a, b);
}

bool tk_same_path(const char *a, const char *b)
{
    size_t a_len, b_len;

    if (!a || !b) {
        return false;
    }
    a_len = strlen(a);
    b_len = strlen(b);
    while (a_len > 0 && (a[a_len - 1] == '\\' || a[a_len - 1] == '/')) {
        a_len--;
    }
    while (b_len > 0 && (b[b_len - 1] == '\\' || b[b_len - 1] == '/')) {
        b_len--;
    }
    if (a_len != b_len) {
        return false;
    }
    for (size_t i = 0; i < a_len; i++) {
        char x = a[i] == '/' ? '\\' : upper(a[i]), y = b[i] == '/' ? '\\' : upper(b[i]);

        if (x != y) {
            return false;
        }
    }
    return true;
}

char *tk_hyperv_path(const struct tk_cim_object *o)
{
    return o->path ? tk_strdup(o->path) : tk_cim_path_of(o);
}

char *tk_hyperv_key(const char *path, const char *key)
{
    struct tk_cim_path parsed = {0};
    struct tk_failure ignored;
    char *value = NULL;

    if (path && tk_cim_path_parse(&parsed, path, &ignored) == 0) {
        value = tk_strdup(tk_cim_text(parsed.keys, key));
        tk_cim_path_free(&parsed);
    }
    return value;
}

// ---- asking

int tk_hyperv_query(struct tk_cim_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                    struct tk_failure *err, const char *format, ...)
{
    char stack[512], *wql = stack, *longer = NULL;
    va_list args;
    int len, result;

    va_start(args, format);
    len = vsnprintf(stack, sizeof stack, format, args);
    va_end(args);
    if (len < 0) {
        return tk_fail(err, TK_INTERNAL, "a query could not be written");
    }
    if ((size_t)len >= sizeof stack) {
        wql = longer = tk_alloc((size_t)len + 1);
        va_start(args, format);
        vsnprintf(longer, (size_t)len + 1, format, args);
        va_end(args);
    }
    memset(out, 0, sizeof *out);
    result = tk_wmi_query(out, h->wmi, wql, limit, err);
    tk_free(longer);
    return result;
}

// ---- which host it is

#define NETBIOS_MAX 15 // characters that Windows keeps of a computer's name

// Names of computers compare without case, up to the first dot, as far as NetBIOS has them.
static bool same_host(const char *a, const char *b)
{
    for (size_t i = 0; i < NETBIOS_MAX; i++) {
        char x = a[i] == '.' ? '\0' : upper(a[i]), y = b[i] == '.' ? '\0' : upper(b[i]);

        if (x != y) {
            return false;
        }
        if (!x) {
            return true;
        }
    }
    return true;
}

int tk_hyperv_check_host(struct tk_hyperv *h, const char *name, struct tk_failure *err)
{
    if (!name || !*name) {
        return 0;
    }
    if (h->expected && !same_host(h->expected, name)) {
        tk_fail(err, TK_WMI_OTHER_HOST, "the host at the address of %.100s says that it is %.100s",
                h->node, name);
        tk_fail_hint(
            err,
            "where that is the right host, write host_name = \"%.100s\" in nodes.%.100s in "
            "parameters.lua, else correct its address",
            name, h->node);
        return tk_fail_target(err, h->node);
    }
    uv_mutex_lock(&h->lock);
    if (!h->host) {
        h->host = tk_strdup(name);
    }
    uv_mutex_unlock(&h->lock);
    return 0;
}

bool tk_hyperv_knows_host(struct tk_hyperv *h)
{
    bool known;

    uv_mutex_lock(&h->lock);
    known = h->host != NULL;
    uv_mutex_unlock(&h->lock);
    return known;
}

bool tk_hyperv_was_absent(struct tk_hyperv *h, const char *id)
{
    bool absent;

    uv_mutex_lock(&h->lock);
    absent = strcmp(h->absent, id) == 0;
    uv_mutex_unlock(&h->lock);
    return absent;
}

void tk_hyperv_note_absent(struct tk_hyperv *h, const char *id)
{
    uv_mutex_lock(&h->lock);
    memcpy(h->absent, id, strlen(id) + 1);
    uv_mutex_unlock(&h->lock);
}

int tk_hyperv_windows(struct tk_wmi **out, struct tk_hyperv *h, struct tk_failure *err)
{
    int result = 0;

    uv_mutex_lock(&h->lock);
    if (!h->windows) {
        result = tk_wmi_namespace(&h->windows, h->wmi, "root/cimv2", err);
    }
    *out = h->windows;
    uv_mutex_unlock(&h->lock);
    return result;
}

// ---- its services

static const char *known_service(struct tk_hyperv *h, const char *class_name)
{
    const char *path = NULL;

    uv_mutex_lock(&h->lock);
    for (size_t i = 0; i < SERVICES_MAX; i++) {
        if (h->services[i].path && strcmp(h->services[i].class_name, class_name) == 0) {
            path = h->services[i].path;
        }
    }
    uv_mutex_unlock(&h->lock);
    return path;
}

// Another thread may have been faster: its answer is kept.
static const char *remember_service(struct tk_hyperv *h, const char *class_name, char *path)
{
    const char *kept = NULL;

    uv_mutex_lock(&h->lock);
    for (size_t i = 0; i < SERVICES_MAX && !kept; i++) {
        if (!h->services[i].path) {
            h->services[i].class_name = class_name;
            h->services[i].path = path;
            path = NULL;
        }
        if (strcmp(h->services[i].class_name, class_name) == 0) {
            kept = h->services[i].path;
        }
    }
    uv_mutex_unlock(&h->lock);
    tk_free(path);
    return kept;
}

int tk_hyperv_service(const char **path, struct tk_hyperv *h, const char *class_name,
                      const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    char *asked;
    int result = -1;

    *path = known_service(h, class_name);
    if (*path) {
        return 0;
    }
    if (tk_hyperv_query(&list, h, limit, err, "SELECT * FROM %s", class_name) != 0) {
        goto done;
    }
    asked = list.count > 0 ? tk_hyperv_path(list.items[0]) : NULL;
    if (!asked) {
        tk_hyperv_empty(err, "the host shows no %s", class_name);
        goto done;
    }
    if (tk_hyperv_check_host(h, tk_cim_text(list.items[0], "SystemName"), err) != 0) {
        tk_free(asked);
        goto done;
    }
    *path = remember_service(h, class_name, asked);
    result = 0;
done:
    tk_cim_list_free(&list);
    return result;
}

int tk_hyperv_check_sight(struct tk_hyperv *h, const char *what, const struct tk_limit *limit,
                          struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    int result = tk_hyperv_query(&list, h, limit, err, "SELECT * FROM " TK_VMMS);

    if (result == 0 && list.count == 0) {
        result = tk_hyperv_empty(
            err, "this host shows no %s, and not its management service either", what);
    } else if (result == 0) {
        result = tk_hyperv_check_host(h, tk_cim_text(list.items[0], "SystemName"), err);
    }
    tk_cim_list_free(&list);
    return result;
}

int tk_hyperv_empty(struct tk_failure *err, const char *format, ...)
{
    char message[sizeof err->message];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return tk_fail(err, TK_WMI_EMPTY, "%s", message);
}

int tk_hyperv_host(char **name, struct tk_hyperv *h, const struct tk_limit *limit,
                   struct tk_failure *err)
{
    const char *path;

    if (tk_hyperv_service(&path, h, TK_VMMS, limit, err) != 0) {
        return -1;
    }
    uv_mutex_lock(&h->lock);
    *name = tk_strdup(h->host ? h->host : "");
    uv_mutex_unlock(&h->lock);
    return 0;
}

int tk_hyperv_run(struct tk_cim_object **out, struct tk_hyperv *h,
                  const struct tk_hyperv_call *call, const struct tk_limit *limit,
                  struct tk_failure *err)
{
    const char *path = call->path, *vmms;

    *out = NULL;
    if (!path && tk_hyperv_service(&path, h, call->service, limit, err) != 0) {
        return -1;
    }
    // nothing is changed on a host that has not said who it is
    if (!tk_hyperv_knows_host(h) && tk_hyperv_service(&vmms, h, TK_VMMS, limit, err) != 0) {
        return -1;
    }
    if (tk_wmi_run(out, h->wmi, path, call->method, call->in, limit, err) != 0) {
        tk_hyperv_explain(err, call->method, call->target);
        return -1;
    }
    return 0;
}
