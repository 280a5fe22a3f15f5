// IWbemObjectTextSrc, which writes instances as CIM-XML: see provider.h. As Windows does it: system
// properties come first, then those of the class, and a property without a value is an empty
// element (recordings in the tests of OpenStack's nova). Written apart from the program's own
// writer, so that each is seen to be understood.
#include <string.h>

#include "provider.h"

#include <oleauto.h>

struct writer {
    IWbemObjectTextSrc face;
    LONG refs;
};

struct text {
    char *bytes;
    size_t len;
};

static HRESULT STDMETHODCALLTYPE refuse(void *self)
{
    (void)self;
    return E_NOTIMPL;
}

// ---- XML

static void add(struct text *t, const char *piece)
{
    size_t len = strlen(piece);

    t->bytes = tk_realloc(t->bytes, t->len + len + 1);
    memcpy(t->bytes + t->len, piece, len + 1);
    t->len += len;
}

static void add_escaped(struct text *t, const char *value)
{
    char one[2] = "";

    for (; *value; value++) {
        one[0] = *value;
        add(t, *value == '<'   ? "&lt;"
               : *value == '>' ? "&gt;"
               : *value == '&' ? "&amp;"
               : *value == '"' ? "&quot;"
                               : one);
    }
}

static void add_value(struct text *t, enum tk_cim_type type, const char *value)
{
    add(t, "<VALUE>");
    add_escaped(t, type != TK_CIM_BOOLEAN ? value : strcmp(value, "true") == 0 ? "TRUE" : "FALSE");
    add(t, "</VALUE>");
}

// `p` is NULL for a property that was never put.
static void add_property(struct text *t, const char *name, enum tk_cim_type type, bool is_array,
                         const struct tk_cim_property *p, const char *more)
{
    const char *element = is_array ? "PROPERTY.ARRAY" : "PROPERTY";
    char *begin =
        tk_sprintf("<%s NAME=\"%s\"%s TYPE=\"%s\">", element, name, more, tk_cim_type_name(type));
    char *end = tk_sprintf("</%s>", element);
    bool has_values = p && !p->is_null && (is_array || p->count > 0);

    add(t, begin);
    add(t, has_values && is_array ? "<VALUE.ARRAY>" : "");
    for (size_t i = 0; has_values && i < p->count; i++) {
        add_value(t, type, p->values[i].text);
    }
    add(t, has_values && is_array ? "</VALUE.ARRAY>" : "");
    add(t, end);
    tk_free(end);
    tk_free(begin);
}

static char *describe(const struct tk_cim_object *o, const struct fields *fields)
{
    static const char system[] = " CLASSORIGIN=\"___SYSTEM\"";
    struct tk_cim_object *class_name = tk_cim_new("");
    struct text t = {0};

    tk_cim_set(class_name, "__CLASS", TK_CIM_STRING, o->class_name);
    add(&t, "<INSTANCE CLASSNAME=\"");
    add(&t, o->class_name);
    add(&t, "\">");
    add_property(&t, "__PATH", TK_CIM_STRING, false, NULL, system);
    add_property(&t, "__CLASS", TK_CIM_STRING, false, class_name->properties, system);
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *f = &fields->items[i];
        const struct tk_cim_property *p = tk_cim_find(o, f->name);

        if (f->type == TK_CIM_REFERENCE || f->type == TK_CIM_INSTANCE) {
            continue; // no class of settings has them
        }
        add_property(&t, f->name, f->type, f->is_array, p, p ? "" : " PROPAGATED=\"true\"");
    }
    add(&t, "</INSTANCE>");
    tk_cim_free(class_name);
    return t.bytes;
}

// ---- the interface

static struct writer *from_face(IWbemObjectTextSrc *face)
{
    return (struct writer *)face;
}

static HRESULT STDMETHODCALLTYPE query(IWbemObjectTextSrc *self, REFIID iid, void **out)
{
    *out = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IWbemObjectTextSrc) ? self : NULL;
    if (!*out) {
        return E_NOINTERFACE;
    }
    InterlockedIncrement(&from_face(self)->refs);
    return S_OK;
}

static ULONG STDMETHODCALLTYPE add_ref(IWbemObjectTextSrc *self)
{
    return (ULONG)InterlockedIncrement(&from_face(self)->refs);
}

static ULONG STDMETHODCALLTYPE release(IWbemObjectTextSrc *self)
{
    LONG left = InterlockedDecrement(&from_face(self)->refs);

    if (left == 0) {
        tk_free(from_face(self));
        count(COUNT_LIVE, -1);
    }
    return (ULONG)left;
}

static HRESULT STDMETHODCALLTYPE get_text(IWbemObjectTextSrc *self, LONG flags,
                                          IWbemClassObject *object, ULONG format,
                                          IWbemContext *context, BSTR *out)
{
    HRESULT hr = injected("gettext");
    char *text;

    (void)self, (void)context;
    count(COUNT_TEXT, 1);
    *out = NULL;
    if (FAILED(hr)) {
        return hr;
    }
    if (flags != 0 || !object || !fields_of(object)) {
        return (HRESULT)WBEM_E_INVALID_PARAMETER;
    }
    if (format != WMI_OBJ_TEXT_CIM_DTD_2_0 && format != WMI_OBJ_TEXT_WMI_DTD_2_0) {
        return (HRESULT)WBEM_E_NOT_FOUND; // "The requested format was not found"
    }
    text = describe(cim_of(object), fields_of(object));
    *out = to_bstr(text);
    tk_free(text);
    return S_OK;
}

static IWbemObjectTextSrcVtbl table = {
    .QueryInterface = query,
    .AddRef = add_ref,
    .Release = release,
    .GetText = get_text,
    .CreateFromText = (void *)refuse,
};

HRESULT new_writer(REFIID iid, void **out)
{
    struct writer *w = tk_alloc(sizeof *w);
    HRESULT hr;

    w->face.lpVtbl = &table;
    w->refs = 1;
    count(COUNT_LIVE, 1);
    count(COUNT_MADE, 1);
    hr = query(&w->face, iid, out);
    release(&w->face);
    return hr;
}
