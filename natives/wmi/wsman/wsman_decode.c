// Reads objects out of WS-Management answers: see wsman.h. Elements are taken by local name only,
// because prefixes, and for sub-classes and embedded objects even namespaces, differ. Types are not
// on the wire as a rule: they come from cim_types.c, from xsi:type where it is there, and from the
// shape (references, datetimes and embedded objects have elements inside).
#include <string.h>

#include "wsman.h"

#define MAX_REF_NESTING 3
#define LOOK_EVERY      256 // properties, between two looks at the clock

// What reading one element and all below it needs.
struct reading {
    const char *name_space;
    const struct tk_limit *limit;
    struct tk_failure *err;
    size_t properties; // read so far
};

static struct tk_cim_object *read_object(struct reading *r, const struct tk_xml *e);

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char *trimmed(const char *text)
{
    size_t len;

    while (is_blank(*text)) {
        text++;
    }
    len = strlen(text);
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    return tk_strndup(text, len);
}

// "p:Msvm_ComputerSystem_Type" -> "Msvm_ComputerSystem"; NULL when there is no xsi:type.
static char *type_attribute(const struct tk_xml *e)
{
    const char *type = tk_xml_attribute(e, "type");
    const char *colon = type ? strrchr(type, ':') : NULL;
    char *name = type ? trimmed(colon ? colon + 1 : type) : NULL;
    size_t len = name ? strlen(name) : 0;

    if (len > 5 && strcmp(name + len - 5, "_Type") == 0) {
        name[len - 5] = '\0';
    }
    return name;
}

bool tk_wsman_is_nil(const struct tk_xml *e)
{
    const char *nil = tk_xml_attribute(e, "nil");

    return nil && (tk_cim_same_name(nil, "true") || strcmp(nil, "1") == 0);
}

// ---- types on the wire

// XML Schema's names, also as WS-CIM has them (cimUnsignedShort; DSP0230).
static enum tk_cim_type schema_type(const char *name)
{
    static const struct {
        const char *name;
        enum tk_cim_type type;
    } types[] = {
        {"boolean", TK_CIM_BOOLEAN},      {"byte", TK_CIM_SINT8},
        {"short", TK_CIM_SINT16},         {"int", TK_CIM_SINT32},
        {"long", TK_CIM_SINT64},          {"unsignedByte", TK_CIM_UINT8},
        {"unsignedShort", TK_CIM_UINT16}, {"unsignedInt", TK_CIM_UINT32},
        {"unsignedLong", TK_CIM_UINT64},  {"float", TK_CIM_REAL32},
        {"double", TK_CIM_REAL64},        {"string", TK_CIM_STRING},
        {"dateTime", TK_CIM_DATETIME},    {"char16", TK_CIM_CHAR16},
    };

    if (strncmp(name, "cim", 3) == 0) {
        name += 3;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (tk_cim_same_name(types[i].name, name)) {
            return types[i].type;
        }
    }
    return TK_CIM_UNKNOWN;
}

static bool is_integer_text(const char *text)
{
    size_t len;

    text += *text == '-';
    len = strspn(text, "0123456789");
    return len > 0 && len <= 20 && text[len] == '\0';
}

// Canonical text of a scalar; *type becomes TK_CIM_UNKNOWN when the text is not of that type.
static char *canonical(const char *text, enum tk_cim_type *type)
{
    char *word, *dmtf;

    if (*type == TK_CIM_STRING || *type == TK_CIM_UNKNOWN || *type == TK_CIM_CHAR16) {
        return tk_strdup(text);
    }
    word = trimmed(text);
    if (*type == TK_CIM_BOOLEAN) {
        if (tk_cim_same_name(word, "true") || strcmp(word, "1") == 0) {
            tk_free(word);
            return tk_strdup("true");
        }
        if (tk_cim_same_name(word, "false") || strcmp(word, "0") == 0) {
            tk_free(word);
            return tk_strdup("false");
        }
    } else if (*type == TK_CIM_DATETIME) {
        dmtf = tk_cim_datetime_to_dmtf(word);
        if (dmtf) {
            tk_free(word);
            return dmtf;
        }
    } else if (*type == TK_CIM_REAL32 || *type == TK_CIM_REAL64 || *type == TK_CIM_REFERENCE ||
               (tk_cim_is_integer(*type) && is_integer_text(word))) {
        return word;
    }
    *type = TK_CIM_UNKNOWN;
    tk_free(word);
    return tk_strdup(text);
}

// ---- references

static const struct tk_xml *reference_parameters(const struct tk_xml *e)
{
    const struct tk_xml *wrapper = tk_xml_child(e, "EndpointReference");

    return tk_xml_child(wrapper ? wrapper : e, "ReferenceParameters");
}

// Splits ".../wmi/root/virtualization/v2/Class".
static bool split_uri(const char *uri, char **name_space, char **class_name)
{
    const char *slash = strrchr(uri, '/');
    const char *start = strstr(uri, "/wmi/");

    if (!slash || !slash[1]) {
        return false;
    }
    *class_name = tk_strdup(slash + 1);
    *name_space = NULL;
    if (start && start + 5 < slash) {
        *name_space = tk_strndup(start + 5, (size_t)(slash - start - 5));
    }
    return true;
}

// Object path text, or NULL when the element is not a usable reference.
static char *reference_path(const struct tk_xml *e, const char *name_space, int nesting)
{
    const struct tk_xml *parameters = reference_parameters(e);
    const struct tk_xml *uri = tk_xml_child(parameters, "ResourceURI");
    const struct tk_xml *set = tk_xml_child(parameters, "SelectorSet");
    struct tk_cim_path path = {0};
    char *class_name = NULL, *trimmed_uri, *text;

    if (!uri || nesting > MAX_REF_NESTING) {
        return NULL;
    }
    trimmed_uri = trimmed(uri->text);
    if (!split_uri(trimmed_uri, &path.name_space, &class_name)) {
        tk_free(trimmed_uri);
        return NULL;
    }
    tk_free(trimmed_uri);
    path.keys = tk_cim_new(class_name);
    tk_free(class_name);
    if (path.name_space && tk_cim_same_name(path.name_space, name_space)) {
        tk_free(path.name_space);
        path.name_space = NULL;
    }
    for (const struct tk_xml *s = set ? set->first : NULL; s; s = s->next) {
        const char *name = tk_xml_attribute(s, "Name");
        char *inner = s->first ? reference_path(s, name_space, nesting + 1) : NULL;

        if (name && strcmp(name, "__cimnamespace") != 0) { // a WS-CIM selector, not a key
            tk_cim_set(path.keys, name, inner ? TK_CIM_REFERENCE : TK_CIM_STRING,
                       inner ? inner : s->text);
        }
        tk_free(inner);
    }
    text = tk_cim_path_format(&path);
    tk_cim_path_free(&path);
    return text;
}

// ---- properties

// The only element inside, so that an embedded object with such a property is not mistaken for one.
static const struct tk_xml *datetime_inside(const struct tk_xml *e)
{
    static const char *const names[] = {"Datetime", "Interval", "CIM_DateTime", "DateTime"};
    const struct tk_xml *inner = NULL;

    if (!e->first || e->first->next || e->first->first) {
        return NULL;
    }
    for (size_t i = 0; !inner && i < sizeof names / sizeof names[0]; i++) {
        inner = tk_xml_child(e, names[i]);
    }
    return inner;
}

static void put_text(struct tk_cim_object *o, const char *name, enum tk_cim_type type,
                     bool is_array, const char *text)
{
    if (is_array || tk_cim_find(o, name)) { // a property that occurs again is an array
        tk_cim_add(o, name, type, text);
    } else {
        tk_cim_set(o, name, type, text);
    }
}

static void put_null(struct tk_cim_object *o, const char *name, enum tk_cim_type type,
                     bool is_array)
{
    if (!tk_cim_find(o, name)) {
        (is_array ? tk_cim_set_null_array : tk_cim_set_null)(o, name, type);
    }
}

static enum tk_cim_type type_of(const struct tk_cim_object *o, const struct tk_xml *e,
                                bool *is_array)
{
    enum tk_cim_type known = tk_cim_known_type(o->class_name, e->name, is_array);
    char *told = type_attribute(e);
    enum tk_cim_type type = told ? schema_type(told) : TK_CIM_UNKNOWN;

    tk_free(told);
    return type != TK_CIM_UNKNOWN ? type : known;
}

static int over(struct reading *r)
{
    if (tk_cancel_get()) {
        return tk_fail(r->err, TK_CANCELLED, "the run was asked to stop");
    }
    return tk_fail(r->err, TK_WMI_TIMEOUT, "the answer could not be read in its time");
}

static int read_property(struct reading *r, struct tk_cim_object *o, const struct tk_xml *e)
{
    const char *name_space = r->name_space;
    bool is_array;
    enum tk_cim_type type = type_of(o, e, &is_array);
    const struct tk_xml *inner = datetime_inside(e);
    char *text;

    if (tk_wsman_is_nil(e) || tk_wsman_is_nil(inner)) {
        put_null(o, e->name, type, is_array);
    } else if (reference_parameters(e)) {
        text = reference_path(e, name_space, 0);
        if (text) {
            put_text(o, e->name, TK_CIM_REFERENCE, is_array, text);
        } else {
            put_null(o, e->name, TK_CIM_REFERENCE, is_array);
        }
        tk_free(text);
    } else if (inner) {
        type = TK_CIM_DATETIME;
        text = canonical(inner->text, &type);
        put_text(o, e->name, type, is_array, text);
        tk_free(text);
    } else if (e->first) {
        struct tk_cim_object *child = read_object(r, e);

        if (!child) {
            return -1;
        }
        if (is_array || tk_cim_find(o, e->name)) {
            tk_cim_add_instance(o, e->name, child);
        } else {
            tk_cim_set_instance(o, e->name, child);
        }
    } else {
        text = canonical(e->text, &type);
        put_text(o, e->name, type, is_array, text);
        tk_free(text);
    }
    if (o->count > TK_CIM_PROPERTIES_MAX) {
        return tk_fail(r->err, TK_WMI_TOO_LARGE,
                       "an object of class %.100s has more than %d "
                       "properties",
                       o->class_name, TK_CIM_PROPERTIES_MAX);
    }
    return ++r->properties % LOOK_EVERY == 0 && tk_limit_left_ms(r->limit) == 0 ? over(r) : 0;
}

// NULL at a failure. Recursion is bounded by the depth that xml.c accepts.
static struct tk_cim_object *read_object(struct reading *r, const struct tk_xml *e)
{
    char *class_name = type_attribute(e);
    struct tk_cim_object *o;

    if (!class_name && strcmp(e->name, "XmlFragment") == 0) {
        class_name = tk_strdup(""); // some properties of nobody in particular
    }
    o = tk_cim_new(class_name ? class_name : e->name);
    tk_free(class_name);
    for (const struct tk_xml *p = e->first; p; p = p->next) {
        if (read_property(r, o, p) != 0) {
            tk_cim_free(o);
            return NULL;
        }
    }
    o->path = tk_cim_path_of(o);
    return o;
}

int tk_wsman_object(struct tk_cim_object **out, const struct tk_xml *e, const char *name_space,
                    const struct tk_limit *limit, struct tk_failure *err)
{
    struct reading r = {.name_space = name_space, .limit = limit, .err = err};

    *out = read_object(&r, e);
    return *out ? 0 : -1;
}
