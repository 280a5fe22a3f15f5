// WMI object paths as text: [\\HOST\namespace:]Class.Key="value",Key2=3. They are what Hyper-V
// wants in string properties (HostResource, Parent), what references look like above the transport,
// and what people copy out of logs, so the reader takes both kinds of slashes and quotes.
#include <stdio.h>
#include <string.h>

#include "cim.h"

#define MAX_PATH_BYTES 65536
#define MAX_KEYS       32

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t name_len(const char *p)
{
    size_t len = 0;

    while (is_name_char(p[len])) {
        len++;
    }
    return len;
}

static int bad_path(struct tk_failure *err, const char *text, const char *why)
{
    return tk_fail(err, TK_WMI_BAD_PARAMETER, "\"%.200s\" is not an object path: %s", text, why);
}

static char *slashes_to_namespace(const char *text, size_t len)
{
    char *copy = tk_strndup(text, len);

    for (char *p = copy; *p; p++) {
        if (*p == '\\') {
            *p = '/';
        }
    }
    return copy;
}

static bool is_slash(char c)
{
    return c == '\\' || c == '/';
}

// Takes "\\HOST\namespace:" or "namespace:" off the front, if it is there.
static const char *read_prefix(struct tk_cim_path *out, const char *text)
{
    const char *p = text;

    if (is_slash(p[0]) && is_slash(p[1])) {
        size_t len;

        p += 2;
        len = strcspn(p, "\\/:\"");
        if (!is_slash(p[len])) {
            return text;
        }
        out->host = tk_strndup(p, len);
        p += len + 1;
    }
    if (p[strcspn(p, ":.=\"")] == ':') {
        size_t len = strcspn(p, ":");

        out->name_space = slashes_to_namespace(p, len);
        p += len + 1;
    }
    return p;
}

// Reads a quoted or plain value; NULL at a mistake.
static const char *read_value(const char *p, struct tk_buffer *value, bool *quoted)
{
    char quote = *p;

    tk_buffer_add(value, "", 0);
    *quoted = quote == '"' || quote == '\'';
    if (!*quoted) {
        size_t len = strcspn(p, ",\"' ");

        tk_buffer_add(value, p, len);
        return len > 0 ? p + len : NULL;
    }
    for (p++; *p != quote; p++) {
        if (*p == '\\' && p[1]) {
            p++;
        }
        if (!*p) {
            return NULL;
        }
        tk_buffer_add(value, p, 1);
    }
    return p + 1;
}

// Whether a text can be a value of the type; what is written again must be what was read.
static bool fits(enum tk_cim_type type, const char *value)
{
    if (type == TK_CIM_BOOLEAN) {
        return tk_cim_same_name(value, "true") || tk_cim_same_name(value, "false");
    }
    if (tk_cim_is_integer(type)) {
        value += *value == '-' || *value == '+';
        return *value && value[strspn(value, "0123456789")] == '\0';
    }
    return true;
}

static enum tk_cim_type key_type(const char *class_name, const char *key, const char *value,
                                 bool quoted)
{
    bool is_array;
    enum tk_cim_type known = tk_cim_known_type(class_name, key, &is_array);

    if (known != TK_CIM_UNKNOWN && fits(known, value)) {
        return known;
    }
    if (quoted) {
        return TK_CIM_STRING;
    }
    return tk_cim_same_name(value, "true") || tk_cim_same_name(value, "false") ? TK_CIM_BOOLEAN
                                                                               : TK_CIM_SINT64;
}

static int read_key(struct tk_cim_object *keys, const char *name, const char **at, const char *text,
                    struct tk_failure *err)
{
    struct tk_buffer value = {0};
    bool quoted;
    int result = -1;

    *at = read_value(*at, &value, &quoted);
    if (!*at) {
        bad_path(err, text, "a key's value is missing or its quotes do not end");
        goto done;
    }
    if (tk_cim_find(keys, name)) {
        bad_path(err, text, "a key is named twice");
        goto done;
    }
    tk_cim_set(keys, name, key_type(keys->class_name, name, value.text, quoted), value.text);
    result = 0;
done:
    tk_buffer_free(&value);
    return result;
}

// After the class name: ".Key=value,...", "=value" for the only key, "=@" or nothing.
static int read_keys(struct tk_cim_object *keys, const char *p, const char *text,
                     struct tk_failure *err)
{
    const char *const *known = tk_cim_known_keys(keys->class_name);

    if (*p == '\0' || strcmp(p, "=@") == 0) {
        return 0;
    }
    if (*p == '=') {
        if (!known || !known[0] || known[1]) {
            return bad_path(err, text, "the key must be named: Class.Key=\"value\"");
        }
        p++;
        if (read_key(keys, known[0], &p, text, err) != 0) {
            return -1;
        }
        return *p ? bad_path(err, text, "something follows the key") : 0;
    }
    do {
        size_t len = name_len(++p);
        char name[128];

        if (len == 0 || len >= sizeof name || p[len] != '=') {
            return bad_path(err, text, "Key=\"value\" is expected after the class and each comma");
        }
        snprintf(name, sizeof name, "%.*s", (int)len, p);
        p += len + 1;
        if (read_key(keys, name, &p, text, err) != 0) {
            return -1;
        }
        if (keys->count > MAX_KEYS) {
            return bad_path(err, text, "it has too many keys");
        }
    } while (*p == ',');
    return *p ? bad_path(err, text, "something follows the last key") : 0;
}

int tk_cim_path_parse(struct tk_cim_path *out, const char *text, struct tk_failure *err)
{
    const char *p;
    char *class_name;
    size_t len;

    memset(out, 0, sizeof *out);
    if (strlen(text) > MAX_PATH_BYTES) {
        return bad_path(err, text, "it is too long");
    }
    p = read_prefix(out, text);
    len = name_len(p);
    if (len == 0 || (p[len] != '\0' && p[len] != '.' && p[len] != '=')) {
        bad_path(err, text, "Class.Key=\"value\" is expected");
        tk_cim_path_free(out);
        return -1;
    }
    class_name = tk_strndup(p, len);
    out->keys = tk_cim_new(class_name);
    tk_free(class_name);
    if (read_keys(out->keys, p + len, text, err) != 0) {
        tk_cim_path_free(out);
        return -1;
    }
    return 0;
}

void tk_cim_path_free(struct tk_cim_path *path)
{
    tk_free(path->host);
    tk_free(path->name_space);
    tk_cim_free(path->keys);
    memset(path, 0, sizeof *path);
}

// ---- writing

static void write_key(struct tk_buffer *b, const struct tk_cim_property *key, bool *first)
{
    const char *value = key->count > 0 && key->values[0].text ? key->values[0].text : "";

    tk_buffer_printf(b, "%s%s=", *first ? "." : ",", key->name);
    *first = false;
    if (tk_cim_is_integer(key->type) || key->type == TK_CIM_BOOLEAN) {
        tk_buffer_puts(b, key->type == TK_CIM_BOOLEAN
                              ? (tk_cim_same_name(value, "true") ? "TRUE" : "FALSE")
                              : value);
        return;
    }
    tk_buffer_puts(b, "\"");
    for (; *value; value++) {
        if (*value == '\\' || *value == '"') {
            tk_buffer_puts(b, "\\");
        }
        tk_buffer_add(b, value, 1);
    }
    tk_buffer_puts(b, "\"");
}

static bool is_known_key(const char *const *known, const char *name)
{
    for (; known && *known; known++) {
        if (tk_cim_same_name(*known, name)) {
            return true;
        }
    }
    return false;
}

static void write_keys(struct tk_buffer *b, const struct tk_cim_object *keys)
{
    const char *const *known = tk_cim_known_keys(keys->class_name);
    bool first = true;

    for (const char *const *k = known; k && *k; k++) {
        const struct tk_cim_property *key = tk_cim_find(keys, *k);

        if (key) {
            write_key(b, key, &first);
        }
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (!is_known_key(known, keys->properties[i].name)) {
            write_key(b, &keys->properties[i], &first);
        }
    }
    if (first) {
        tk_buffer_puts(b, "=@");
    }
}

char *tk_cim_path_format(const struct tk_cim_path *path)
{
    struct tk_buffer b = {0};

    if (path->name_space) {
        tk_buffer_printf(&b, "\\\\%s\\", path->host ? path->host : ".");
        for (const char *p = path->name_space; *p; p++) {
            tk_buffer_add(&b, *p == '/' ? "\\" : p, 1);
        }
        tk_buffer_puts(&b, ":");
    }
    tk_buffer_puts(&b, path->keys->class_name);
    write_keys(&b, path->keys);
    return b.text;
}

static bool has_all(const struct tk_cim_object *o, const char *const *keys)
{
    for (; *keys; keys++) {
        if (!tk_cim_text(o, *keys)) {
            return false;
        }
    }
    return true;
}

// Classes of Hyper-V that are in no table still have one of three sorts of keys.
static const char *const *guess_keys(const struct tk_cim_object *o)
{
    static const char *const setting[] = {"InstanceID", NULL};
    static const char *const device[] = {"CreationClassName", "DeviceID", "SystemCreationClassName",
                                         "SystemName", NULL};
    static const char *const service[] = {"CreationClassName", "Name", "SystemCreationClassName",
                                          "SystemName", NULL};
    static const char *const *const sorts[] = {setting, device, service};

    if (strncmp(o->class_name, "Msvm_", 5) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++) {
        if (has_all(o, sorts[i])) {
            return sorts[i];
        }
    }
    return NULL;
}

char *tk_cim_path_of(const struct tk_cim_object *o)
{
    const char *const *keys = tk_cim_known_keys(o->class_name);
    struct tk_buffer b = {0};
    bool first = true;

    if (!keys) {
        keys = guess_keys(o);
    }
    if (!keys || !keys[0] || !has_all(o, keys)) {
        return NULL;
    }
    tk_buffer_puts(&b, o->class_name);
    for (; *keys; keys++) {
        write_key(&b, tk_cim_find(o, *keys), &first);
    }
    return b.text;
}

// ---- comparing

static bool same_or_untold(const char *a, const char *b)
{
    return !a || !b || strcmp(a, ".") == 0 || strcmp(b, ".") == 0 || tk_cim_same_name(a, b);
}

static bool same_keys(const struct tk_cim_object *a, const struct tk_cim_object *b)
{
    if (!a || !b || a->count != b->count || !tk_cim_same_name(a->class_name, b->class_name)) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const char *other = tk_cim_text(b, a->properties[i].name);

        if (!other || !tk_cim_same_name(other, a->properties[i].values[0].text)) {
            return false;
        }
    }
    return true;
}

bool tk_cim_path_same(const char *a, const char *b)
{
    struct tk_cim_path pa = {0}, pb = {0};
    struct tk_failure ignored;
    bool same = false;

    if (tk_cim_path_parse(&pa, a, &ignored) == 0 && tk_cim_path_parse(&pb, b, &ignored) == 0) {
        same = same_or_untold(pa.host, pb.host) && same_or_untold(pa.name_space, pb.name_space) &&
               same_keys(pa.keys, pb.keys);
    }
    tk_cim_path_free(&pa);
    tk_cim_path_free(&pb);
    return same;
}
