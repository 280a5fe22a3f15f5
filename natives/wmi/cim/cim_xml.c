// CIM-XML text (DSP0201, DTD 2.0) of one instance: the form in which Hyper-V takes settings and
// gives errors inside string parameters. It carries types, unlike WS-Management.
#include <string.h>

#include "cim.h"
#include "xml/xml.h"

#define MAX_NESTING 8 // instances inside the text of instances

static const struct tk_xml_limits xml_limits = {.max_bytes = 4u * 1024 * 1024, .max_depth = 40};

// ---- writing

static void write_instance(struct tk_buffer *b, const struct tk_cim_object *o, int nesting);

static void attribute(struct tk_buffer *b, const char *name, const char *value)
{
    tk_buffer_printf(b, " %s=\"", name);
    tk_xml_escape(b, value);
    tk_buffer_puts(b, "\"");
}

static void write_text_value(struct tk_buffer *b, const char *text)
{
    tk_buffer_puts(b, "<VALUE>");
    tk_xml_escape(b, text);
    tk_buffer_puts(b, "</VALUE>");
}

static void write_value(struct tk_buffer *b, const struct tk_cim_value *v, int nesting)
{
    struct tk_buffer inner = {0};

    if (!v->object) {
        write_text_value(b, v->text ? v->text : "");
        return;
    }
    if (nesting < MAX_NESTING) {
        write_instance(&inner, v->object, nesting + 1);
    }
    write_text_value(b, inner.text ? inner.text : "");
    tk_buffer_free(&inner);
}

static void write_reference(struct tk_buffer *b, const struct tk_cim_property *p)
{
    struct tk_cim_path path = {0};
    struct tk_failure ignored;

    tk_buffer_puts(b, "<PROPERTY.REFERENCE");
    attribute(b, "NAME", p->name);
    tk_buffer_puts(b, ">");
    if (p->count > 0 && p->values[0].text &&
        tk_cim_path_parse(&path, p->values[0].text, &ignored) == 0) {
        tk_buffer_puts(b, "<VALUE.REFERENCE><INSTANCENAME");
        attribute(b, "CLASSNAME", path.keys->class_name);
        tk_buffer_puts(b, ">");
        for (size_t i = 0; i < path.keys->count; i++) {
            tk_buffer_puts(b, "<KEYBINDING");
            attribute(b, "NAME", path.keys->properties[i].name);
            tk_buffer_puts(b, "><KEYVALUE VALUETYPE=\"string\">");
            tk_xml_escape(b, path.keys->properties[i].values[0].text);
            tk_buffer_puts(b, "</KEYVALUE></KEYBINDING>");
        }
        tk_buffer_puts(b, "</INSTANCENAME></VALUE.REFERENCE>");
        tk_cim_path_free(&path);
    }
    tk_buffer_puts(b, "</PROPERTY.REFERENCE>");
}

// TYPE must be there, or Hyper-V refuses the text.
static const char *xml_type(const struct tk_cim_object *o, const struct tk_cim_property *p)
{
    enum tk_cim_type type = p->type;
    bool is_array;

    if (type == TK_CIM_UNKNOWN) {
        type = tk_cim_known_type(o->class_name, p->name, &is_array);
    }
    if (type == TK_CIM_UNKNOWN || type == TK_CIM_INSTANCE || type == TK_CIM_REFERENCE) {
        type = TK_CIM_STRING; // references in arrays are sent as the text of their paths
    }
    return tk_cim_type_name(type);
}

static void write_property(struct tk_buffer *b, const struct tk_cim_object *o,
                           const struct tk_cim_property *p, int nesting)
{
    const char *element = p->is_array ? "PROPERTY.ARRAY" : "PROPERTY";

    if (p->type == TK_CIM_REFERENCE && !p->is_array) {
        write_reference(b, p);
        return;
    }
    tk_buffer_printf(b, "<%s", element);
    attribute(b, "NAME", p->name);
    attribute(b, "TYPE", xml_type(o, p));
    if (p->type == TK_CIM_INSTANCE) {
        attribute(b, "EmbeddedObject", "instance");
    }
    tk_buffer_puts(b, ">");
    if (!p->is_null) {
        tk_buffer_puts(b, p->is_array ? "<VALUE.ARRAY>" : "");
        for (size_t i = 0; i < p->count; i++) {
            write_value(b, &p->values[i], nesting);
        }
        tk_buffer_puts(b, p->is_array ? "</VALUE.ARRAY>" : "");
    }
    tk_buffer_printf(b, "</%s>", element);
}

static void write_instance(struct tk_buffer *b, const struct tk_cim_object *o, int nesting)
{
    tk_buffer_puts(b, "<INSTANCE");
    attribute(b, "CLASSNAME", o->class_name);
    tk_buffer_puts(b, ">");
    for (size_t i = 0; i < o->count; i++) {
        write_property(b, o, &o->properties[i], nesting);
    }
    tk_buffer_puts(b, "</INSTANCE>");
}

char *tk_cim_to_xml(const struct tk_cim_object *o)
{
    struct tk_buffer b = {0};

    write_instance(&b, o, 0);
    return b.text;
}

// ---- reading

static int read_text(struct tk_cim_object **out, const char *xml, size_t len_bytes, int nesting,
                     struct tk_failure *err);

static bool is(const struct tk_xml *e, const char *name)
{
    return strcmp(e->name, name) == 0;
}

static const char *trimmed_bool(const char *text)
{
    while (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t') {
        text++;
    }
    return *text == 't' || *text == 'T' || *text == '1' ? "true" : "false";
}

// One VALUE element into the property, which is an array or not.
static int read_value(struct tk_cim_object *o, const char *name, enum tk_cim_type type,
                      bool is_array, bool embedded, const struct tk_xml *value, int nesting,
                      struct tk_failure *err)
{
    const char *text = type == TK_CIM_BOOLEAN ? trimmed_bool(value->text) : value->text;
    struct tk_cim_object *child = NULL;

    if (embedded && *value->text) {
        if (read_text(&child, value->text, strlen(value->text), nesting + 1, err) != 0) {
            return -1;
        }
        if (is_array) {
            tk_cim_add_instance(o, name, child);
        } else {
            tk_cim_set_instance(o, name, child);
        }
    } else if (is_array) {
        tk_cim_add(o, name, type, text);
    } else {
        tk_cim_set(o, name, type, text);
    }
    return 0;
}

static char *read_reference(const struct tk_xml *e)
{
    const struct tk_xml *instance = tk_xml_find(e, "INSTANCENAME");
    const char *class_name = tk_xml_attribute(instance, "CLASSNAME");
    struct tk_cim_path path = {0};
    char *text;

    if (!class_name) {
        return NULL;
    }
    path.keys = tk_cim_new(class_name);
    for (const struct tk_xml *k = instance->first; k; k = k->next) {
        const struct tk_xml *value = tk_xml_child(k, "KEYVALUE");
        const char *name = tk_xml_attribute(k, "NAME");

        if (is(k, "KEYBINDING") && name && value) {
            tk_cim_set(path.keys, name, TK_CIM_STRING, value->text);
        }
    }
    text = tk_cim_path_format(&path);
    tk_cim_path_free(&path);
    return text;
}

static int read_property(struct tk_cim_object *o, const struct tk_xml *e, int nesting,
                         struct tk_failure *err)
{
    const char *name = tk_xml_attribute(e, "NAME");
    const char *type_name = tk_xml_attribute(e, "TYPE");
    bool is_array = is(e, "PROPERTY.ARRAY");
    bool embedded = tk_xml_attribute(e, "EmbeddedObject") || tk_xml_attribute(e, "EMBEDDEDOBJECT");
    enum tk_cim_type type = type_name ? tk_cim_type_find(type_name) : TK_CIM_STRING;
    const struct tk_xml *value = tk_xml_child(e, is_array ? "VALUE.ARRAY" : "VALUE");

    if (!name) {
        return tk_fail(err, TK_WMI_BAD_ANSWER, "a property of %.100s has no name", o->class_name);
    }
    if (is(e, "PROPERTY.REFERENCE")) {
        char *path = read_reference(e);

        tk_cim_set(o, name, TK_CIM_REFERENCE, path);
        tk_free(path);
        return 0;
    }
    if (!value) {
        (is_array ? tk_cim_set_null_array : tk_cim_set_null)(o, name, type);
        return 0;
    }
    if (!is_array) {
        return read_value(o, name, type, false, embedded, value, nesting, err);
    }
    tk_cim_set_array(o, name, type);
    for (const struct tk_xml *v = value->first; v; v = v->next) {
        if (is(v, "VALUE") && read_value(o, name, type, true, embedded, v, nesting, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_instance(struct tk_cim_object *o, const struct tk_xml *instance, int nesting,
                         struct tk_failure *err)
{
    for (const struct tk_xml *e = instance->first; e; e = e->next) {
        if (strncmp(e->name, "PROPERTY", 8) == 0 && read_property(o, e, nesting, err) != 0) {
            return -1;
        }
        if (o->count > TK_CIM_PROPERTIES_MAX) {
            return tk_fail(err, TK_WMI_TOO_LARGE,
                           "an instance of %.100s has more than %d properties", o->class_name,
                           TK_CIM_PROPERTIES_MAX);
        }
    }
    return 0;
}

static int read_text(struct tk_cim_object **out, const char *xml, size_t len_bytes, int nesting,
                     struct tk_failure *err)
{
    struct tk_xml *root = NULL;
    const struct tk_xml *instance;
    struct tk_cim_object *o = NULL;
    int result = -1;

    *out = NULL;
    if (nesting > MAX_NESTING) {
        return tk_fail(err, TK_WMI_BAD_ANSWER, "embedded instances are nested too deep");
    }
    if (tk_xml_parse(&root, xml, len_bytes, &xml_limits, err) != 0) {
        char why[sizeof err->message];

        memcpy(why, err->message, sizeof why);
        return tk_fail(err, TK_WMI_BAD_ANSWER, "an embedded instance is not XML: %.500s", why);
    }
    instance = is(root, "INSTANCE") ? root : tk_xml_find(root, "INSTANCE");
    if (!tk_xml_attribute(instance, "CLASSNAME")) {
        tk_fail(err, TK_WMI_BAD_ANSWER, "an embedded instance has no INSTANCE with a CLASSNAME");
        goto done;
    }
    o = tk_cim_new(tk_xml_attribute(instance, "CLASSNAME"));
    if (read_instance(o, instance, nesting, err) != 0) {
        goto done;
    }
    *out = o;
    o = NULL;
    result = 0;
done:
    tk_cim_free(o);
    tk_xml_free(root);
    return result;
}

int tk_cim_from_xml(struct tk_cim_object **out, const char *xml, size_t len_bytes,
                    struct tk_failure *err)
{
    return read_text(out, xml, len_bytes, 0, err);
}
