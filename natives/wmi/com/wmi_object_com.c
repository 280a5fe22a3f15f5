// Objects that COM gives, as cim.h has them: see wmi_com.h. Whatever VARIANT comes is taken, and
// the CIM type says what is meant.
#include "wmi_com.h"

#include <oleauto.h>
#include <string.h>

struct reading {
    struct tk_cim_object *to;
    const char *name_space;
    uint64_t *budget;
    int nesting;
    struct tk_failure *err;
};

// References come as whole paths; as with WS-Management they leave relative, with the namespace
// only where it is another one.
static char *short_reference(const char *text, const char *name_space)
{
    struct tk_cim_path path = {0};
    struct tk_failure ignored;
    char *out;

    if (tk_cim_path_parse(&path, text, &ignored) != 0) {
        return tk_strdup(text);
    }
    tk_free(path.host);
    path.host = NULL;
    if (path.name_space && tk_cim_same_name(path.name_space, name_space)) {
        tk_free(path.name_space);
        path.name_space = NULL;
    }
    out = tk_cim_path_format(&path);
    tk_cim_path_free(&path);
    return out;
}

static int64_t narrow(int64_t number, enum tk_cim_type type)
{
    switch (type) {
    case TK_CIM_UINT8:
        return (uint8_t)number;
    case TK_CIM_UINT16:
    case TK_CIM_CHAR16:
        return (uint16_t)number;
    case TK_CIM_UINT32:
        return (uint32_t)number;
    default:
        return number;
    }
}

// Canonical text of one value that is no object; NULL when the VARIANT holds none.
static char *scalar_text(const VARIANT *v, enum tk_cim_type type, const char *name_space)
{
    char *text, *out;
    VARIANT number;

    switch (V_VT(v)) {
    case VT_BSTR:
        text = tk_com_utf8(V_BSTR(v) ? V_BSTR(v) : L"", SysStringLen(V_BSTR(v)));
        out = type == TK_CIM_REFERENCE  ? short_reference(text, name_space)
              : type == TK_CIM_DATETIME ? tk_cim_datetime_to_dmtf(text)
                                        : NULL;
        if (!out) {
            return text;
        }
        tk_free(text);
        return out;
    case VT_BOOL:
        return tk_strdup(V_BOOL(v) ? "true" : "false");
    case VT_R4:
        return tk_sprintf("%.9g", (double)V_R4(v));
    case VT_R8:
        return tk_sprintf("%.17g", V_R8(v));
    default:
        VariantInit(&number);
        if (FAILED(VariantChangeType(&number, (VARIANT *)v, 0, VT_I8))) {
            return NULL;
        }
        if (type == TK_CIM_BOOLEAN) {
            return tk_strdup(V_I8(&number) ? "true" : "false");
        }
        return tk_sprintf("%lld", (long long)narrow(V_I8(&number), type));
    }
}

static int take_budget(const struct reading *r, size_t len)
{
    if (*r->budget < len + 1) {
        return tk_fail(r->err, TK_WMI_TOO_LARGE, "the answer exceeds the size limit");
    }
    *r->budget -= len + 1;
    return 0;
}

static int read_object(const struct reading *r, const char *name, IUnknown *unknown, bool in_array)
{
    IWbemClassObject *from = NULL;
    struct tk_cim_object *child = NULL;
    int result;

    if (FAILED(IUnknown_QueryInterface(unknown, &IID_IWbemClassObject, (void **)&from))) {
        return tk_fail(r->err, TK_WMI_BAD_ANSWER, "%.100s holds something that is no object", name);
    }
    result = tk_com_object(&child, from, r->name_space, r->budget, r->nesting + 1, r->err);
    IWbemClassObject_Release(from);
    if (result == 0) {
        (in_array ? tk_cim_add_instance : tk_cim_set_instance)(r->to, name, child);
    }
    return result;
}

static int read_one(const struct reading *r, const char *name, enum tk_cim_type type,
                    const VARIANT *v, bool in_array)
{
    char *text;
    int result;

    if (V_VT(v) == VT_UNKNOWN || V_VT(v) == VT_DISPATCH) {
        return V_UNKNOWN(v) ? read_object(r, name, V_UNKNOWN(v), in_array) : 0;
    }
    text = scalar_text(v, type, r->name_space);
    if (!text) {
        return tk_fail(r->err, TK_WMI_BAD_ANSWER, "%.100s has a value of an unknown kind (%d)",
                       name, (int)V_VT(v));
    }
    result = take_budget(r, strlen(text));
    if (result == 0) {
        (in_array ? tk_cim_add : tk_cim_set)(r->to, name, type, text);
    }
    tk_free(text);
    return result;
}

// One element of an array as a VARIANT, which must be cleared.
static HRESULT element_at(SAFEARRAY *array, VARTYPE vt, LONG index, VARIANT *out)
{
    VariantInit(out);
    if (vt == VT_VARIANT) {
        return SafeArrayGetElement(array, &index, out);
    }
    V_VT(out) = vt;
    return SafeArrayGetElement(array, &index, &V_I8(out)); // every member lies at the same place
}

static int read_array(const struct reading *r, const char *name, enum tk_cim_type type,
                      const VARIANT *v)
{
    SAFEARRAY *array = V_ISBYREF(v) ? *V_ARRAYREF(v) : V_ARRAY(v);
    VARTYPE vt = (VARTYPE)(V_VT(v) & VT_TYPEMASK);
    LONG low = 0, high = -1;
    VARIANT one;
    int result = 0;

    tk_cim_set_array(r->to, name, type);
    if (!array || FAILED(SafeArrayGetLBound(array, 1, &low)) ||
        FAILED(SafeArrayGetUBound(array, 1, &high))) {
        return 0;
    }
    if (high - low >= TK_COM_MAX_ARRAY) {
        return tk_fail(r->err, TK_WMI_TOO_LARGE, "%.100s has too many values", name);
    }
    for (LONG i = low; i <= high && result == 0; i++) {
        if (FAILED(element_at(array, vt, i, &one))) {
            return tk_fail(r->err, TK_WMI_BAD_ANSWER, "%.100s cannot be read", name);
        }
        result = read_one(r, name, type, &one, true);
        VariantClear(&one);
    }
    return result;
}

static int read_property(const struct reading *r, const char *name, CIMTYPE cim, const VARIANT *v)
{
    const struct tk_com_type *rule = tk_com_type(cim);
    enum tk_cim_type type = rule ? rule->type : TK_CIM_UNKNOWN;
    bool is_array = (cim & CIM_FLAG_ARRAY) != 0;

    if (V_VT(v) == VT_NULL || V_VT(v) == VT_EMPTY || (V_VT(v) == VT_UNKNOWN && !V_UNKNOWN(v))) {
        (is_array ? tk_cim_set_null_array : tk_cim_set_null)(r->to, name, type);
        return 0;
    }
    return V_ISARRAY(v) ? read_array(r, name, type, v) : read_one(r, name, type, v, false);
}

static char *system_property(IWbemClassObject *from, const OLECHAR *name)
{
    VARIANT v;
    char *text = NULL;

    VariantInit(&v);
    if (SUCCEEDED(IWbemClassObject_Get(from, name, 0, &v, NULL, NULL)) && V_VT(&v) == VT_BSTR) {
        text = tk_com_utf8(V_BSTR(&v), SysStringLen(V_BSTR(&v)));
    }
    VariantClear(&v);
    return text;
}

// As WS-Management would tell it where the keys are known, else as WMI does.
static void find_path(struct tk_cim_object *o, IWbemClassObject *from, const char *name_space)
{
    char *told;

    o->path = tk_cim_path_of(o);
    if (!o->path) {
        told = system_property(from, L"__RELPATH");
        if (told && *told) {
            o->path = short_reference(told, name_space);
        }
        tk_free(told);
    }
}

static int read_properties(const struct reading *r, IWbemClassObject *from)
{
    BSTR name = NULL;
    CIMTYPE cim = 0;
    VARIANT v;
    HRESULT hr = IWbemClassObject_BeginEnumeration(from, WBEM_FLAG_NONSYSTEM_ONLY);
    int result = 0;

    while (result == 0 && SUCCEEDED(hr)) {
        char *text;

        VariantInit(&v);
        hr = IWbemClassObject_Next(from, 0, &name, &v, &cim, NULL);
        if (hr != WBEM_S_NO_ERROR) {
            break;
        }
        text = tk_com_utf8(name, SysStringLen(name));
        result = take_budget(r, strlen(text));
        if (result == 0) {
            result = read_property(r, text, cim, &v);
        }
        tk_free(text);
        SysFreeString(name);
        name = NULL;
        VariantClear(&v);
    }
    IWbemClassObject_EndEnumeration(from);
    return result == 0 && FAILED(hr) ? tk_com_fail(r->err, hr, "an object") : result;
}

int tk_com_object(struct tk_cim_object **out, IWbemClassObject *from, const char *name_space,
                  uint64_t *budget, int nesting, struct tk_failure *err)
{
    struct reading r = {.name_space = name_space, .budget = budget, .nesting = nesting, .err = err};
    char *class_name;

    *out = NULL;
    if (nesting > TK_COM_NESTING) {
        return tk_fail(err, TK_WMI_BAD_ANSWER, "embedded objects are nested too deep");
    }
    class_name = system_property(from, L"__CLASS");
    r.to = tk_cim_new(class_name ? class_name : "");
    tk_free(class_name);
    if (read_properties(&r, from) != 0) {
        tk_cim_free(r.to);
        return -1;
    }
    find_path(r.to, from, name_space);
    *out = r.to;
    return 0;
}
