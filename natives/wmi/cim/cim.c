// CIM objects: see cim.h. Plain lists, because an object has some dozens of properties and is read
// once; the order of the properties is kept, because it is the order that they are sent in.
#include "cim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
    [TK_CIM_UNKNOWN] = "unknown",   [TK_CIM_BOOLEAN] = "boolean",
    [TK_CIM_SINT8] = "sint8",       [TK_CIM_SINT16] = "sint16",
    [TK_CIM_SINT32] = "sint32",     [TK_CIM_SINT64] = "sint64",
    [TK_CIM_UINT8] = "uint8",       [TK_CIM_UINT16] = "uint16",
    [TK_CIM_UINT32] = "uint32",     [TK_CIM_UINT64] = "uint64",
    [TK_CIM_REAL32] = "real32",     [TK_CIM_REAL64] = "real64",
    [TK_CIM_CHAR16] = "char16",     [TK_CIM_STRING] = "string",
    [TK_CIM_DATETIME] = "datetime", [TK_CIM_REFERENCE] = "reference",
    [TK_CIM_INSTANCE] = "instance",
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int tk_cim_compare_names(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

bool tk_cim_same_name(const char *a, const char *b)
{
    return tk_cim_compare_names(a, b) == 0;
}

const char *tk_cim_type_name(enum tk_cim_type type)
{
    return type_names[(size_t)type < sizeof type_names / sizeof type_names[0] ? type
                                                                              : TK_CIM_UNKNOWN];
}

enum tk_cim_type tk_cim_type_find(const char *name)
{
    for (size_t i = 1; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (tk_cim_same_name(type_names[i], name)) {
            return (enum tk_cim_type)i;
        }
    }
    return TK_CIM_UNKNOWN;
}

bool tk_cim_is_integer(enum tk_cim_type type)
{
    return type >= TK_CIM_SINT8 && type <= TK_CIM_UINT64;
}

// ---- making and freeing

struct tk_cim_object *tk_cim_new(const char *class_name)
{
    struct tk_cim_object *o = tk_alloc(sizeof *o);

    o->class_name = tk_strdup(class_name ? class_name : "");
    return o;
}

static void clear_values(struct tk_cim_property *p)
{
    for (size_t i = 0; i < p->count; i++) {
        tk_free(p->values[i].text);
        tk_cim_free(p->values[i].object);
    }
    tk_free(p->values);
    p->values = NULL;
    p->count = 0;
}

// Recursion is as deep as objects are embedded, which the readers bound.
void tk_cim_free(struct tk_cim_object *object)
{
    if (!object) {
        return;
    }
    for (size_t i = 0; i < object->count; i++) {
        clear_values(&object->properties[i]);
        tk_free(object->properties[i].name);
    }
    tk_free(object->properties);
    tk_cim_index_free(object);
    tk_free(object->class_name);
    tk_free(object->path);
    tk_free(object);
}

// True when a list of `count` entries has no room for one more: it grows at powers of two.
static bool is_full(size_t count)
{
    return (count & (count - 1)) == 0;
}

static size_t grown(size_t count)
{
    return count ? 2 * count : 1;
}

void tk_cim_list_add(struct tk_cim_list *list, struct tk_cim_object *object)
{
    if (is_full(list->count)) {
        list->items = tk_realloc(list->items, grown(list->count) * sizeof *list->items);
    }
    list->items[list->count++] = object;
}

void tk_cim_list_free(struct tk_cim_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tk_cim_free(list->items[i]);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

static struct tk_cim_property *find(const struct tk_cim_object *o, const char *name)
{
    size_t position = o ? tk_cim_index_find(o, name) : 0;

    return o && position < o->count ? &o->properties[position] : NULL;
}

static struct tk_cim_property *append(struct tk_cim_object *o, const char *name)
{
    struct tk_cim_property *p;

    if (is_full(o->count)) {
        o->properties = tk_realloc(o->properties, grown(o->count) * sizeof *o->properties);
    }
    p = &o->properties[o->count++];
    memset(p, 0, sizeof *p);
    p->name = tk_strdup(name);
    tk_cim_index_add(o);
    return p;
}

static int by_name(const void *a, const void *b)
{
    const struct tk_cim_property *one = a, *other = b;

    return tk_cim_compare_names(one->name, other->name);
}

void tk_cim_sort(struct tk_cim_object *o)
{
    if (o->count > 1) {
        qsort(o->properties, o->count, sizeof o->properties[0], by_name);
        tk_cim_index_rebuild(o);
    }
}

// The property of that name, emptied; made where it is absent.
static struct tk_cim_property *fresh(struct tk_cim_object *o, const char *name,
                                     enum tk_cim_type type)
{
    struct tk_cim_property *p = find(o, name);

    if (!p) {
        p = append(o, name);
    }
    clear_values(p);
    p->type = type;
    p->is_array = p->is_null = false;
    return p;
}

static struct tk_cim_value *add_value(struct tk_cim_property *p)
{
    struct tk_cim_value *v;

    if (is_full(p->count)) {
        p->values = tk_realloc(p->values, grown(p->count) * sizeof *p->values);
    }
    p->is_null = false;
    v = &p->values[p->count++];
    memset(v, 0, sizeof *v);
    return v;
}

// ---- setting

void tk_cim_set(struct tk_cim_object *o, const char *name, enum tk_cim_type type, const char *text)
{
    char *copy; // `text` may be the value that is replaced

    if (!text) {
        tk_cim_set_null(o, name, type);
        return;
    }
    copy = tk_strdup(text);
    add_value(fresh(o, name, type))->text = copy;
}

void tk_cim_set_bool(struct tk_cim_object *o, const char *name, bool value)
{
    tk_cim_set(o, name, TK_CIM_BOOLEAN, value ? "true" : "false");
}

void tk_cim_set_uint(struct tk_cim_object *o, const char *name, enum tk_cim_type type,
                     uint64_t value)
{
    add_value(fresh(o, name, type))->text = tk_sprintf("%llu", (unsigned long long)value);
}

void tk_cim_set_null(struct tk_cim_object *o, const char *name, enum tk_cim_type type)
{
    fresh(o, name, type)->is_null = true;
}

void tk_cim_set_null_array(struct tk_cim_object *o, const char *name, enum tk_cim_type type)
{
    struct tk_cim_property *p = fresh(o, name, type);

    p->is_array = p->is_null = true;
}

void tk_cim_set_array(struct tk_cim_object *o, const char *name, enum tk_cim_type type)
{
    fresh(o, name, type)->is_array = true;
}

void tk_cim_set_instance(struct tk_cim_object *o, const char *name, struct tk_cim_object *child)
{
    add_value(fresh(o, name, TK_CIM_INSTANCE))->object = child;
}

static struct tk_cim_property *array_of(struct tk_cim_object *o, const char *name,
                                        enum tk_cim_type type)
{
    struct tk_cim_property *p = find(o, name);

    if (!p) {
        p = append(o, name);
        p->type = type;
    }
    p->is_array = true;
    return p;
}

void tk_cim_add(struct tk_cim_object *o, const char *name, enum tk_cim_type type, const char *text)
{
    add_value(array_of(o, name, type))->text = tk_strdup(text ? text : "");
}

void tk_cim_add_instance(struct tk_cim_object *o, const char *name, struct tk_cim_object *child)
{
    add_value(array_of(o, name, TK_CIM_INSTANCE))->object = child;
}

static void copy_property(struct tk_cim_object *to, const struct tk_cim_property *from)
{
    struct tk_cim_property *p = fresh(to, from->name, from->type);

    p->is_array = from->is_array;
    for (size_t i = 0; i < from->count; i++) {
        struct tk_cim_value *v = add_value(p);

        v->text = tk_strdup(from->values[i].text);
        v->object = tk_cim_copy(from->values[i].object);
    }
    p->is_null = from->is_null;
}

struct tk_cim_object *tk_cim_copy(const struct tk_cim_object *o)
{
    struct tk_cim_object *copy;

    if (!o) {
        return NULL;
    }
    copy = tk_cim_new(o->class_name);
    copy->path = tk_strdup(o->path);
    for (size_t i = 0; i < o->count; i++) {
        copy_property(copy, &o->properties[i]);
    }
    return copy;
}

// ---- getting

const struct tk_cim_property *tk_cim_find(const struct tk_cim_object *o, const char *name)
{
    return find(o, name);
}

static const struct tk_cim_value *value_at(const struct tk_cim_object *o, const char *name,
                                           size_t index)
{
    const struct tk_cim_property *p = find(o, name);

    return p && index < p->count ? &p->values[index] : NULL;
}

const char *tk_cim_text_at(const struct tk_cim_object *o, const char *name, size_t index)
{
    const struct tk_cim_value *v = value_at(o, name, index);

    return v ? v->text : NULL;
}

const char *tk_cim_text(const struct tk_cim_object *o, const char *name)
{
    return tk_cim_text_at(o, name, 0);
}

bool tk_cim_bool(const struct tk_cim_object *o, const char *name, bool *out)
{
    const char *text = tk_cim_text(o, name);

    if (!text) {
        return false;
    }
    if (tk_cim_same_name(text, "true") || strcmp(text, "1") == 0) {
        *out = true;
        return true;
    }
    if (tk_cim_same_name(text, "false") || strcmp(text, "0") == 0) {
        *out = false;
        return true;
    }
    return false;
}

bool tk_cim_uint(const struct tk_cim_object *o, const char *name, uint64_t *out)
{
    const char *text = tk_cim_text(o, name);
    unsigned long long number;
    char *end;

    if (!text || *text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    number = strtoull(text, &end, 10);
    if (*end || errno == ERANGE) {
        return false;
    }
    *out = number;
    return true;
}

uint64_t tk_cim_uint_or(const struct tk_cim_object *o, const char *name, uint64_t otherwise)
{
    uint64_t value = otherwise;

    tk_cim_uint(o, name, &value);
    return value;
}

size_t tk_cim_count(const struct tk_cim_object *o, const char *name)
{
    const struct tk_cim_property *p = find(o, name);

    return p ? p->count : 0;
}

const struct tk_cim_object *tk_cim_object_at(const struct tk_cim_object *o, const char *name,
                                             size_t index)
{
    const struct tk_cim_value *v = value_at(o, name, index);

    return v ? v->object : NULL;
}
