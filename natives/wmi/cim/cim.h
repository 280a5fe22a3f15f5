// CIM objects as plain C data: what WMI gives and takes, whatever carries it (WS-Management or
// COM). Every scalar is kept as its canonical text plus a type: integers in decimal, booleans
// "true"/"false", datetimes in DMTF form ("yyyymmddhhmmss.mmmmmm+zzz", intervals
// "ddddddddhhmmss.mmmmmm:000"), references as WMI object paths (Class.Key="value",...). Property
// names compare without case. Nothing here fails: memory is tk_alloc's, absent is NULL or false.
#ifndef TK_CIM_H
#define TK_CIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

enum tk_cim_type {
    TK_CIM_UNKNOWN, // WS-Management told no type and cim_types.c knows none: treat as text
    TK_CIM_BOOLEAN,
    TK_CIM_SINT8,
    TK_CIM_SINT16,
    TK_CIM_SINT32,
    TK_CIM_SINT64,
    TK_CIM_UINT8,
    TK_CIM_UINT16,
    TK_CIM_UINT32,
    TK_CIM_UINT64,
    TK_CIM_REAL32,
    TK_CIM_REAL64,
    TK_CIM_CHAR16,
    TK_CIM_STRING,
    TK_CIM_DATETIME,
    TK_CIM_REFERENCE,
    TK_CIM_INSTANCE,
};

struct tk_cim_object;

struct tk_cim_value {
    char *text;                   // canonical text; NULL for an instance
    struct tk_cim_object *object; // an embedded instance (owned), else NULL
};

struct tk_cim_property {
    char *name;
    enum tk_cim_type type;
    bool is_array;
    bool is_null; // there, but without a value: not the same as empty text or an empty array
    struct tk_cim_value *values;
    size_t count; // 1 for a scalar, any number for an array, 0 for null
};

struct tk_cim_object {
    char *class_name;
    char *path; // relative object path, NULL when the transport told none
    struct tk_cim_property *properties;
    size_t count;
    struct tk_cim_index *index; // of the names, NULL while there are few
};

// The most properties that an object from outside may have. Windows' largest class has some 200.
#define TK_CIM_PROPERTIES_MAX 4096

struct tk_cim_list {
    struct tk_cim_object **items;
    size_t count;
};

struct tk_cim_object *tk_cim_new(const char *class_name);
void tk_cim_free(struct tk_cim_object *object);
struct tk_cim_object *
tk_cim_copy(const struct tk_cim_object *o); // with all inside; NULL stays NULL
void tk_cim_list_add(struct tk_cim_list *list, struct tk_cim_object *object); // takes the object
void tk_cim_list_free(struct tk_cim_list *list);

// Setters replace a property of that name.
void tk_cim_set(struct tk_cim_object *o, const char *name, enum tk_cim_type type, const char *text);
void tk_cim_set_bool(struct tk_cim_object *o, const char *name, bool value);
void tk_cim_set_uint(struct tk_cim_object *o, const char *name, enum tk_cim_type type,
                     uint64_t value);
void tk_cim_set_null(struct tk_cim_object *o, const char *name, enum tk_cim_type type);
void tk_cim_set_null_array(struct tk_cim_object *o, const char *name, enum tk_cim_type type);
void tk_cim_set_array(struct tk_cim_object *o, const char *name, enum tk_cim_type type); // empty
void tk_cim_set_instance(struct tk_cim_object *o, const char *name, struct tk_cim_object *child);
// Appends to an array property, making it where it is absent.
void tk_cim_add(struct tk_cim_object *o, const char *name, enum tk_cim_type type, const char *text);
void tk_cim_add_instance(struct tk_cim_object *o, const char *name, struct tk_cim_object *child);

// The properties in the order of their names, which a table of Lua does not tell.
void tk_cim_sort(struct tk_cim_object *o);

// Getters. A one-element array answers like a scalar and a scalar like a one-element array, because
// transports differ in what they tell.
const struct tk_cim_property *tk_cim_find(const struct tk_cim_object *o, const char *name);
const char *tk_cim_text(const struct tk_cim_object *o, const char *name); // NULL: absent or null
bool tk_cim_bool(const struct tk_cim_object *o, const char *name, bool *out);
bool tk_cim_uint(const struct tk_cim_object *o, const char *name, uint64_t *out);
uint64_t tk_cim_uint_or(const struct tk_cim_object *o, const char *name, uint64_t otherwise);
size_t tk_cim_count(const struct tk_cim_object *o, const char *name);
const char *tk_cim_text_at(const struct tk_cim_object *o, const char *name, size_t index);
const struct tk_cim_object *tk_cim_object_at(const struct tk_cim_object *o, const char *name,
                                             size_t index);

// Names of types as CIM-XML's TYPE attribute has them ("uint16", "boolean", ...).
const char *tk_cim_type_name(enum tk_cim_type type);
enum tk_cim_type tk_cim_type_find(const char *name); // TK_CIM_UNKNOWN when there is none
bool tk_cim_is_integer(enum tk_cim_type type);

// Names of classes, properties and methods, without case, ASCII only. As strcmp.
int tk_cim_compare_names(const char *a, const char *b);
bool tk_cim_same_name(const char *a, const char *b);

// The look-up by name (cim_index.c), so that reading an object of many properties is no work that
// grows with their square: a server could keep us busy with it.
void tk_cim_index_add(struct tk_cim_object *o);     // the last property was appended
void tk_cim_index_rebuild(struct tk_cim_object *o); // their order has changed
void tk_cim_index_free(struct tk_cim_object *o);
// Position of the property of that name; o->count when there is none.
size_t tk_cim_index_find(const struct tk_cim_object *o, const char *name);

// What is known of the classes in use (cim_types.c): the type of a property (or of an output of a
// method; class_name may be NULL) and the keys of a class.
enum tk_cim_type tk_cim_known_type(const char *class_name, const char *property, bool *is_array);
// NULL-terminated list of key names, NULL for a class that is not in the table.
const char *const *tk_cim_known_keys(const char *class_name);

// Object paths: [\\HOST\namespace:]Class.Key="value",Key2="value2" or Class=@ ; backslash and quote
// in values are escaped by a backslash. Host and namespace may be absent (NULL in the parsed form).
struct tk_cim_path {
    char *host;
    char *name_space;
    struct tk_cim_object *keys; // class_name and the key properties
};
int tk_cim_path_parse(struct tk_cim_path *out, const char *text, struct tk_failure *err);
void tk_cim_path_free(struct tk_cim_path *path);
// The relative path of an object from its class's known keys, or NULL. Caller frees.
char *tk_cim_path_of(const struct tk_cim_object *o);
// [\\HOST\namespace:]Class.Key="value",... with the keys in the order of the known ones; the part
// in brackets only where there is a namespace. Caller frees.
char *tk_cim_path_format(const struct tk_cim_path *path);
// Whether two paths name the same object, whatever the order of the keys and the case; a host or
// namespace that one of them does not tell counts as the same.
bool tk_cim_path_same(const char *a, const char *b);

// Datetimes: the DMTF form of what a server told (ISO 8601 time or duration, or DMTF already), and
// the ISO form of a DMTF text. NULL when it is neither. Caller frees.
char *tk_cim_datetime_to_dmtf(const char *text);
char *tk_cim_datetime_to_iso(const char *dmtf, bool *is_interval);

// CIM-XML text (DTD 2.0 <INSTANCE>), which Hyper-V takes and gives as string parameters. Types of
// properties that are UNKNOWN are written as "string". Caller frees.
char *tk_cim_to_xml(const struct tk_cim_object *o);
int tk_cim_from_xml(struct tk_cim_object **out, const char *xml, size_t len_bytes,
                    struct tk_failure *err);

#endif
