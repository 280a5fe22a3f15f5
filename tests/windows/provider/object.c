// IWbemClassObject over a struct tk_cim_object: see provider.h.
#include <string.h>

#include "provider.h"

#include <oleauto.h>

struct object {
    IWbemClassObject face;
    IErrorInfo info; // of those that carry words
    LONG refs;
    struct tk_cim_object *cim;
    const struct fields *fields;
    const struct class *class;
    char *prefix;
    size_t at; // enumeration
};

static struct object *from_face(IWbemClassObject *face)
{
    return (struct object *)face;
}

static struct object *from_info(IErrorInfo *info)
{
    return (struct object *)((char *)info - offsetof(struct object, info));
}

static HRESULT STDMETHODCALLTYPE refuse(void *self)
{
    (void)self;
    return E_NOTIMPL;
}

// ---- IUnknown

static ULONG STDMETHODCALLTYPE add_ref(IWbemClassObject *self)
{
    return (ULONG)InterlockedIncrement(&from_face(self)->refs);
}

static ULONG STDMETHODCALLTYPE release(IWbemClassObject *self)
{
    struct object *o = from_face(self);
    LONG left = InterlockedDecrement(&o->refs);

    if (left == 0) {
        tk_cim_free(o->cim);
        tk_free(o->prefix);
        tk_free(o);
        count(COUNT_LIVE, -1);
    }
    return (ULONG)left;
}

static HRESULT STDMETHODCALLTYPE query(IWbemClassObject *self, REFIID iid, void **out)
{
    if (IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IWbemClassObject)) {
        *out = self;
    } else if (IsEqualIID(iid, &IID_IErrorInfo)) {
        *out = &from_face(self)->info;
    } else {
        *out = NULL;
        return E_NOINTERFACE;
    }
    add_ref(self);
    return S_OK;
}

// ---- properties

static char *whole_path(const struct object *o)
{
    char *relative = o->class ? tk_strdup(o->class->name) : tk_strdup(o->cim->path);
    char *whole = relative ? tk_sprintf("%s%s", o->prefix, relative) : NULL;

    tk_free(relative);
    return whole;
}

static HRESULT system_property(const struct object *o, const char *name, VARIANT *v, CIMTYPE *type)
{
    char *text = NULL;

    if (tk_cim_same_name(name, "__CLASS")) {
        text = tk_strdup(o->cim->class_name);
    } else if (tk_cim_same_name(name, "__RELPATH")) {
        text = o->class ? tk_strdup(o->class->name) : tk_strdup(o->cim->path);
    } else if (tk_cim_same_name(name, "__PATH")) {
        text = whole_path(o);
    } else {
        return (HRESULT)WBEM_E_NOT_FOUND;
    }
    if (type) {
        *type = CIM_STRING;
    }
    if (v) {
        V_VT(v) = text ? VT_BSTR : VT_NULL;
        V_BSTR(v) = to_bstr(text);
    }
    tk_free(text);
    return WBEM_S_NO_ERROR;
}

static void give(const struct object *o, const struct tk_cim_property *p, const struct field *f,
                 VARIANT *v, CIMTYPE *type)
{
    if (type) {
        *type = cim_type(f ? f->type : p->type, f ? f->is_array : p->is_array);
    }
    if (v && p) {
        to_variant(v, p, f, o->prefix);
    } else if (v) {
        V_VT(v) = VT_NULL;
    }
}

static HRESULT STDMETHODCALLTYPE get(IWbemClassObject *self, LPCWSTR wide, LONG flags, VARIANT *v,
                                     CIMTYPE *type, LONG *flavor)
{
    struct object *o = from_face(self);
    char *name = to_utf8(wide);
    const struct tk_cim_property *p = tk_cim_find(o->cim, name);
    const struct field *f = find_field(o->fields, name);
    HRESULT hr = WBEM_S_NO_ERROR;

    (void)flags;
    if (v) {
        VariantInit(v);
    }
    if (flavor) {
        *flavor = 0;
    }
    if (strncmp(name, "__", 2) == 0) {
        hr = system_property(o, name, v, type);
    } else if (p || f) {
        give(o, p, f, v, type);
    } else {
        hr = (HRESULT)WBEM_E_NOT_FOUND;
    }
    tk_free(name);
    return hr;
}

static HRESULT STDMETHODCALLTYPE put(IWbemClassObject *self, LPCWSTR wide, LONG flags, VARIANT *v,
                                     CIMTYPE type)
{
    struct object *o = from_face(self);
    char *name = to_utf8(wide);
    const struct field *f = find_field(o->fields, name);
    HRESULT hr = (HRESULT)WBEM_E_NOT_FOUND;

    (void)flags;
    if (f && (type == 0 || type == cim_type(f->type, f->is_array))) {
        hr = from_variant(o->cim, f, v);
    } else if (f) {
        hr = (HRESULT)WBEM_E_TYPE_MISMATCH;
    }
    tk_free(name);
    return hr;
}

static HRESULT STDMETHODCALLTYPE get_names(IWbemClassObject *self, LPCWSTR qualifier, LONG flags,
                                           VARIANT *value, SAFEARRAY **out)
{
    const struct fields *fields = from_face(self)->fields;
    LONG count_of_all = fields ? (LONG)fields->count : 0;

    if (qualifier || value || flags != (WBEM_FLAG_ALWAYS | WBEM_FLAG_NONSYSTEM_ONLY)) {
        return (HRESULT)WBEM_E_INVALID_PARAMETER;
    }
    *out = SafeArrayCreateVector(VT_BSTR, 0, (ULONG)count_of_all);
    for (LONG i = 0; i < count_of_all; i++) {
        BSTR name = to_bstr(fields->items[i].name);

        SafeArrayPutElement(*out, &i, name);
        SysFreeString(name);
    }
    return WBEM_S_NO_ERROR;
}

static HRESULT STDMETHODCALLTYPE begin(IWbemClassObject *self, LONG flags)
{
    from_face(self)->at = 0;
    return flags == WBEM_FLAG_NONSYSTEM_ONLY ? WBEM_S_NO_ERROR : (HRESULT)WBEM_E_INVALID_PARAMETER;
}

static HRESULT STDMETHODCALLTYPE next(IWbemClassObject *self, LONG flags, BSTR *name, VARIANT *v,
                                      CIMTYPE *type, LONG *flavor)
{
    struct object *o = from_face(self);
    const struct tk_cim_property *p;

    (void)flags;
    if (o->at >= o->cim->count) {
        return WBEM_S_NO_MORE_DATA;
    }
    p = &o->cim->properties[o->at++];
    if (name) {
        *name = to_bstr(p->name);
    }
    if (flavor) {
        *flavor = 0;
    }
    give(o, p, find_field(o->fields, p->name), v, type);
    return WBEM_S_NO_ERROR;
}

static HRESULT STDMETHODCALLTYPE end(IWbemClassObject *self)
{
    (void)self;
    return WBEM_S_NO_ERROR;
}

// ---- classes

// What a class has defaults for, a new instance has.
static void set_defaults(struct tk_cim_object *cim, const struct fields *fields)
{
    for (size_t i = 0; fields && i < fields->count; i++) {
        const struct field *f = &fields->items[i];
        char *key = tk_sprintf("default.%s.%s", cim->class_name, f->name);
        char *value = control(key);

        if (value) {
            tk_cim_set(cim, f->name, f->type, value);
        }
        tk_free(value);
        tk_free(key);
    }
}

static HRESULT STDMETHODCALLTYPE spawn(IWbemClassObject *self, LONG flags, IWbemClassObject **out)
{
    struct object *o = from_face(self);

    (void)flags;
    *out = new_object(tk_cim_new(o->cim->class_name), o->fields, NULL, o->prefix);
    set_defaults(from_face(*out)->cim, o->fields);
    return WBEM_S_NO_ERROR;
}

static HRESULT STDMETHODCALLTYPE get_method(IWbemClassObject *self, LPCWSTR wide, LONG flags,
                                            IWbemClassObject **in, IWbemClassObject **out)
{
    struct object *o = from_face(self);
    char *name = to_utf8(wide);
    const struct method *m = find_method(o->class, name);

    (void)flags;
    tk_free(name);
    if (!m) {
        return (HRESULT)WBEM_E_NOT_FOUND;
    }
    if (in) {
        *in = m->in.count > 0 ? new_object(tk_cim_new("__PARAMETERS"), &m->in, NULL, o->prefix)
                              : NULL;
    }
    if (out) {
        *out = new_object(tk_cim_new("__PARAMETERS"), &m->out, NULL, o->prefix);
    }
    return WBEM_S_NO_ERROR;
}

static IWbemClassObjectVtbl object_table = {
    .QueryInterface = query,
    .AddRef = add_ref,
    .Release = release,
    .GetQualifierSet = (void *)refuse,
    .Get = get,
    .Put = put,
    .Delete = (void *)refuse,
    .GetNames = get_names,
    .BeginEnumeration = begin,
    .Next = next,
    .EndEnumeration = end,
    .GetPropertyQualifierSet = (void *)refuse,
    .Clone = (void *)refuse,
    .GetObjectText = (void *)refuse,
    .SpawnDerivedClass = (void *)refuse,
    .SpawnInstance = spawn,
    .CompareTo = (void *)refuse,
    .GetPropertyOrigin = (void *)refuse,
    .InheritsFrom = (void *)refuse,
    .GetMethod = get_method,
    .PutMethod = (void *)refuse,
    .DeleteMethod = (void *)refuse,
    .BeginMethodEnumeration = (void *)refuse,
    .NextMethod = (void *)refuse,
    .EndMethodEnumeration = (void *)refuse,
    .GetMethodQualifierSet = (void *)refuse,
    .GetMethodOrigin = (void *)refuse,
};

// ---- IErrorInfo

static HRESULT STDMETHODCALLTYPE info_query(IErrorInfo *self, REFIID iid, void **out)
{
    return query(&from_info(self)->face, iid, out);
}

static ULONG STDMETHODCALLTYPE info_add_ref(IErrorInfo *self)
{
    return add_ref(&from_info(self)->face);
}

static ULONG STDMETHODCALLTYPE info_release(IErrorInfo *self)
{
    return release(&from_info(self)->face);
}

static IErrorInfoVtbl info_table = {
    .QueryInterface = info_query,
    .AddRef = info_add_ref,
    .Release = info_release,
    .GetGUID = (void *)refuse,
    .GetSource = (void *)refuse,
    .GetDescription = (void *)refuse,
    .GetHelpFile = (void *)refuse,
    .GetHelpContext = (void *)refuse,
};

// ---- making

IWbemClassObject *new_object(struct tk_cim_object *cim, const struct fields *fields,
                             const struct class *c, const char *prefix)
{
    struct object *o = tk_alloc(sizeof *o);

    o->face.lpVtbl = &object_table;
    o->info.lpVtbl = &info_table;
    o->refs = 1;
    o->cim = cim;
    o->fields = fields;
    o->class = c;
    o->prefix = tk_strdup(prefix);
    count(COUNT_LIVE, 1);
    count(COUNT_MADE, 1);
    return &o->face;
}

const struct tk_cim_object *cim_of(IWbemClassObject *object)
{
    return object ? from_face(object)->cim : NULL;
}

const struct fields *fields_of(IWbemClassObject *object)
{
    return object ? from_face(object)->fields : NULL;
}

void leave_words(const char *text)
{
    struct tk_cim_object *cim = tk_cim_new("__ExtendedStatus");
    struct object *o;

    tk_cim_set(cim, "Description", TK_CIM_STRING, text ? text : "");
    o = from_face(new_object(cim, NULL, NULL, ""));
    SetErrorInfo(0, &o->info);
    release(&o->face);
}
