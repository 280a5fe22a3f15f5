// Values as WMI carries them in VARIANTs: see provider.h. Written apart from the program's own
// conversion, so that a mistake in that one is seen.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"

#include <oleauto.h>

static VARTYPE vartype(enum tk_cim_type type)
{
    switch (type) {
    case TK_CIM_SINT8:
    case TK_CIM_SINT16:
    case TK_CIM_CHAR16:
        return VT_I2;
    case TK_CIM_UINT8:
        return VT_UI1;
    case TK_CIM_UINT16:
    case TK_CIM_SINT32:
    case TK_CIM_UINT32:
        return VT_I4;
    case TK_CIM_REAL32:
        return VT_R4;
    case TK_CIM_REAL64:
        return VT_R8;
    case TK_CIM_BOOLEAN:
        return VT_BOOL;
    case TK_CIM_INSTANCE:
        return VT_UNKNOWN;
    default: // also 64-bit numbers, datetimes and references
        return VT_BSTR;
    }
}

CIMTYPE cim_type(enum tk_cim_type type, bool is_array)
{
    static const CIMTYPE types[] = {
        [TK_CIM_UNKNOWN] = CIM_STRING,    [TK_CIM_BOOLEAN] = CIM_BOOLEAN,
        [TK_CIM_SINT8] = CIM_SINT8,       [TK_CIM_SINT16] = CIM_SINT16,
        [TK_CIM_SINT32] = CIM_SINT32,     [TK_CIM_SINT64] = CIM_SINT64,
        [TK_CIM_UINT8] = CIM_UINT8,       [TK_CIM_UINT16] = CIM_UINT16,
        [TK_CIM_UINT32] = CIM_UINT32,     [TK_CIM_UINT64] = CIM_UINT64,
        [TK_CIM_REAL32] = CIM_REAL32,     [TK_CIM_REAL64] = CIM_REAL64,
        [TK_CIM_CHAR16] = CIM_CHAR16,     [TK_CIM_STRING] = CIM_STRING,
        [TK_CIM_DATETIME] = CIM_DATETIME, [TK_CIM_REFERENCE] = CIM_REFERENCE,
        [TK_CIM_INSTANCE] = CIM_OBJECT,
    };

    return types[type] | (is_array ? CIM_FLAG_ARRAY : 0);
}

BSTR to_bstr(const char *utf8)
{
    WCHAR *wide = NULL;
    BSTR out;
    int len;

    if (!utf8) {
        return NULL;
    }
    len = MultiByteToWideChar(CP_UTF8, 0, utf8, -1, NULL, 0);
    wide = tk_alloc((size_t)len * sizeof *wide);
    MultiByteToWideChar(CP_UTF8, 0, utf8, -1, wide, len);
    out = SysAllocString(wide);
    tk_free(wide);
    return out;
}

char *to_utf8(const OLECHAR *text)
{
    char *out;
    int len;

    if (!text) {
        return NULL;
    }
    len = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    out = tk_alloc((size_t)len + 1);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, out, len, NULL, NULL);
    return out;
}

// ---- out

// References leave as whole paths.
static BSTR text_value(const char *text, enum tk_cim_type type, const char *prefix)
{
    char *changed = NULL;
    BSTR out;

    if (type == TK_CIM_REFERENCE && text[0] != '\\') {
        changed = tk_sprintf("%s%s", prefix, text);
    } else if (type == TK_CIM_DATETIME) {
        changed = tk_cim_datetime_to_dmtf(text);
    }
    out = to_bstr(changed ? changed : text);
    tk_free(changed);
    return out;
}

static void one_value(VARIANT *v, const struct tk_cim_value *value, enum tk_cim_type type,
                      const char *prefix)
{
    const char *text = value->text ? value->text : "";
    long long number = strtoll(text, NULL, 10);

    V_VT(v) = vartype(value->object ? TK_CIM_INSTANCE : type);
    switch (V_VT(v)) {
    case VT_UNKNOWN:
        V_UNKNOWN(v) = value->object
                           ? (IUnknown *)new_object(tk_cim_copy(value->object), NULL, NULL, prefix)
                           : NULL;
        break;
    case VT_I2:
        V_I2(v) = (SHORT)number;
        break;
    case VT_UI1:
        V_UI1(v) = (BYTE)number;
        break;
    case VT_I4:
        V_I4(v) = (LONG)number;
        break;
    case VT_R4:
        V_R4(v) = (float)strtod(text, NULL);
        break;
    case VT_R8:
        V_R8(v) = strtod(text, NULL);
        break;
    case VT_BOOL:
        V_BOOL(v) = strcmp(text, "true") == 0 ? VARIANT_TRUE : VARIANT_FALSE;
        break;
    default:
        V_BSTR(v) = text_value(text, type, prefix);
        break;
    }
}

static void put_element(SAFEARRAY *array, LONG index, const VARIANT *one)
{
    if (V_VT(one) == VT_BSTR || V_VT(one) == VT_UNKNOWN) {
        SafeArrayPutElement(array, &index, V_BSTR(one));
    } else {
        SafeArrayPutElement(array, &index, (void *)&V_I4(one));
    }
}

void to_variant(VARIANT *v, const struct tk_cim_property *p, const struct field *f,
                const char *prefix)
{
    enum tk_cim_type type = f ? f->type : p->type;
    bool is_array = f ? f->is_array : p->is_array;
    SAFEARRAY *array;

    VariantInit(v);
    if (p->is_null) {
        V_VT(v) = VT_NULL;
        return;
    }
    if (!is_array) {
        if (p->count == 0) {
            V_VT(v) = VT_NULL;
        } else {
            one_value(v, &p->values[0], type, prefix);
        }
        return;
    }
    if (p->count > 0 && p->values[0].object) {
        type = TK_CIM_INSTANCE;
    }
    array = SafeArrayCreateVector(vartype(type), 0, (ULONG)p->count);
    for (size_t i = 0; i < p->count; i++) {
        VARIANT one;

        VariantInit(&one);
        one_value(&one, &p->values[i], type, prefix);
        put_element(array, (LONG)i, &one);
        VariantClear(&one);
    }
    V_VT(v) = (VARTYPE)(VT_ARRAY | vartype(type));
    V_ARRAY(v) = array;
}

// ---- in

static bool in_range(long long number, enum tk_cim_type type)
{
    return type != TK_CIM_UINT16 || (number >= 0 && number <= UINT16_MAX);
}

// Text of a scalar; NULL when it is not of that type.
static char *text_of(const VARIANT *v, enum tk_cim_type type)
{
    char *text;
    char *iso;
    bool interval;

    if (V_VT(v) != vartype(type)) {
        return NULL;
    }
    switch (V_VT(v)) {
    case VT_BOOL:
        return tk_strdup(V_BOOL(v) ? "true" : "false");
    case VT_I2:
        return tk_sprintf("%d", (int)V_I2(v));
    case VT_UI1:
        return tk_sprintf("%d", (int)V_UI1(v));
    case VT_I4:
        return !in_range(V_I4(v), type) ? NULL
               : type == TK_CIM_UINT32  ? tk_sprintf("%lu", (unsigned long)V_I4(v))
                                        : tk_sprintf("%ld", (long)V_I4(v));
    case VT_R4:
        return tk_sprintf("%.9g", (double)V_R4(v));
    case VT_R8:
        return tk_sprintf("%.17g", V_R8(v));
    case VT_BSTR:
        text = to_utf8(V_BSTR(v) ? V_BSTR(v) : L"");
        iso = type == TK_CIM_DATETIME ? tk_cim_datetime_to_iso(text, &interval) : text;
        if (!iso || (type == TK_CIM_REFERENCE && strncmp(text, "\\\\", 2) != 0)) {
            tk_free(text); // references must be whole paths
            return NULL;
        }
        if (iso != text) {
            tk_free(iso);
        }
        return text;
    default:
        return NULL;
    }
}

static HRESULT array_in(struct tk_cim_object *o, const struct field *f, const VARIANT *v)
{
    SAFEARRAY *array = V_ARRAY(v);
    LONG low = 0, high = -1;

    if (V_VT(v) != (VT_ARRAY | vartype(f->type)) || !array) {
        return (HRESULT)WBEM_E_TYPE_MISMATCH;
    }
    tk_cim_set_array(o, f->name, f->type);
    SafeArrayGetLBound(array, 1, &low);
    SafeArrayGetUBound(array, 1, &high);
    for (LONG i = low; i <= high; i++) {
        VARIANT one;
        char *text;

        VariantInit(&one);
        V_VT(&one) = vartype(f->type);
        SafeArrayGetElement(array, &i, &V_I4(&one));
        text = text_of(&one, f->type);
        VariantClear(&one);
        if (!text) {
            return (HRESULT)WBEM_E_TYPE_MISMATCH;
        }
        tk_cim_add(o, f->name, f->type, text);
        tk_free(text);
    }
    return WBEM_S_NO_ERROR;
}

HRESULT from_variant(struct tk_cim_object *o, const struct field *f, const VARIANT *v)
{
    char *text;

    if (V_VT(v) == VT_NULL) {
        (f->is_array ? tk_cim_set_null_array : tk_cim_set_null)(o, f->name, f->type);
        return WBEM_S_NO_ERROR;
    }
    if (f->is_array) {
        return array_in(o, f, v);
    }
    text = text_of(v, f->type);
    if (!text) {
        return (HRESULT)WBEM_E_TYPE_MISMATCH;
    }
    tk_cim_set(o, f->name, f->type, text);
    tk_free(text);
    return WBEM_S_NO_ERROR;
}
