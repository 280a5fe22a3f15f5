// Types and values: see wmi_com.h. How each CIM type travels in a VARIANT is
// WMI's own rule (Microsoft's page "Numbers" of the reference of WMI): 64-bit integers as decimal
// text, unsigned 16 and 32 bits as VT_I4, and so on.
#include "wmi_com.h"

#include <errno.h>
#include <oleauto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tk_com_type type_rules[] = {
    {CIM_SINT8, TK_CIM_SINT8, VT_I2, INT8_MIN, INT8_MAX},
    {CIM_UINT8, TK_CIM_UINT8, VT_UI1, 0, UINT8_MAX},
    {CIM_SINT16, TK_CIM_SINT16, VT_I2, INT16_MIN, INT16_MAX},
    {CIM_UINT16, TK_CIM_UINT16, VT_I4, 0, UINT16_MAX},
    {CIM_SINT32, TK_CIM_SINT32, VT_I4, INT32_MIN, INT32_MAX},
    {CIM_UINT32, TK_CIM_UINT32, VT_I4, 0, UINT32_MAX},
    {CIM_SINT64, TK_CIM_SINT64, VT_BSTR, 0, 0},
    {CIM_UINT64, TK_CIM_UINT64, VT_BSTR, 0, 0},
    {CIM_REAL32, TK_CIM_REAL32, VT_R4, 0, 0},
    {CIM_REAL64, TK_CIM_REAL64, VT_R8, 0, 0},
    {CIM_BOOLEAN, TK_CIM_BOOLEAN, VT_BOOL, 0, 0},
    {CIM_STRING, TK_CIM_STRING, VT_BSTR, 0, 0},
    {CIM_DATETIME, TK_CIM_DATETIME, VT_BSTR, 0, 0},
    {CIM_REFERENCE, TK_CIM_REFERENCE, VT_BSTR, 0, 0},
    {CIM_CHAR16, TK_CIM_CHAR16, VT_I2, 0, UINT16_MAX},
    {CIM_OBJECT, TK_CIM_INSTANCE, VT_UNKNOWN, 0, 0},
};

const struct tk_com_type *tk_com_type(CIMTYPE cim)
{
    for (size_t i = 0; i < sizeof type_rules / sizeof type_rules[0]; i++) {
        if (type_rules[i].cim == (cim & ~CIM_FLAG_ARRAY)) {
            return &type_rules[i];
        }
    }
    return NULL;
}

// ---- writing; `where`: what is written, for messages

static int wrong_value(struct tk_failure *err, const char *where, const char *text,
                       enum tk_cim_type type)
{
    return tk_fail(err, TK_WMI_BAD_PARAMETER, "\"%.60s\" is no %s (%.130s)", text ? text : "",
                   tk_cim_type_name(type), where);
}

static bool is_integer_text(const char *text, bool is_signed)
{
    char *end;

    if (!*text || strspn(text, "-0123456789") != strlen(text) || (!is_signed && *text == '-')) {
        return false;
    }
    errno = 0;
    if (is_signed) {
        strtoll(text, &end, 10);
    } else {
        strtoull(text, &end, 10);
    }
    return errno == 0 && *end == '\0';
}

// [namespace:]Class.Key=... -> a whole path, which is what providers take.
static BSTR whole_reference(const char *text, const char *prefix)
{
    struct tk_cim_path path = {0};
    struct tk_failure ignored;
    char *relative, *whole;
    BSTR out;

    if (tk_cim_path_parse(&path, text, &ignored) != 0 || path.name_space) {
        tk_cim_path_free(&path);
        return tk_com_bstr(text);
    }
    relative = tk_cim_path_format(&path);
    whole = tk_sprintf("%s%s", prefix, relative);
    out = tk_com_bstr(whole);
    tk_free(whole);
    tk_free(relative);
    tk_cim_path_free(&path);
    return out;
}

// Texts and what travels as text.
static int write_text(VARIANT *v, const struct tk_com_type *rule, const char *where,
                      const char *text, const char *prefix, struct tk_failure *err)
{
    bool is_interval;
    char *iso;

    if ((rule->type == TK_CIM_SINT64 && !is_integer_text(text, true)) ||
        (rule->type == TK_CIM_UINT64 && !is_integer_text(text, false))) {
        return wrong_value(err, where, text, rule->type);
    }
    if (rule->type == TK_CIM_DATETIME) {
        iso = tk_cim_datetime_to_iso(text, &is_interval);
        if (!iso) {
            return wrong_value(err, where, text, rule->type);
        }
        tk_free(iso);
    }
    V_VT(v) = VT_BSTR;
    V_BSTR(v) = rule->type == TK_CIM_REFERENCE ? whole_reference(text, prefix) : tk_com_bstr(text);
    return 0;
}

static int write_number(VARIANT *v, const struct tk_com_type *rule, const char *where,
                        const char *text, struct tk_failure *err)
{
    long long number = strtoll(text, NULL, 10);

    if (!is_integer_text(text, true) || number < rule->min || number > rule->max) {
        return wrong_value(err, where, text, rule->type);
    }
    V_VT(v) = rule->vt;
    if (rule->vt == VT_UI1) {
        V_UI1(v) = (BYTE)number;
    } else if (rule->vt == VT_I2) {
        V_I2(v) = (SHORT)(USHORT)number;
    } else {
        V_I4(v) = (LONG)(ULONG)number;
    }
    return 0;
}

static int write_scalar(VARIANT *v, const struct tk_com_type *rule, const char *where,
                        const struct tk_cim_value *value, const char *prefix,
                        struct tk_failure *err)
{
    const char *text = value->text ? value->text : "";
    char *end;
    int result = 0;

    if (rule->vt == VT_BSTR) {
        result = write_text(v, rule, where, text, prefix, err);
    } else if (rule->vt == VT_BOOL) {
        V_VT(v) = VT_BOOL;
        V_BOOL(v) = tk_cim_same_name(text, "true") ? VARIANT_TRUE : VARIANT_FALSE;
        if (!V_BOOL(v) && !tk_cim_same_name(text, "false")) {
            result = wrong_value(err, where, text, rule->type);
        }
    } else if (rule->vt == VT_R4 || rule->vt == VT_R8) {
        double number = strtod(text, &end);

        if (!*text || *end) {
            result = wrong_value(err, where, text, rule->type);
        }
        V_VT(v) = rule->vt;
        if (rule->vt == VT_R4) {
            V_R4(v) = (float)number;
        } else {
            V_R8(v) = number;
        }
    } else if (rule->vt == VT_UNKNOWN) {
        result = tk_fail(err, TK_WMI_BAD_PARAMETER, "%.130s takes an object, not a text", where);
    } else {
        result = write_number(v, rule, where, text, err);
    }
    return result;
}

static int write_array(VARIANT *v, const struct tk_com_type *rule, const char *where,
                       const struct tk_cim_property *p, const char *prefix, struct tk_failure *err)
{
    SAFEARRAY *array = SafeArrayCreateVector(rule->vt, 0, (ULONG)p->count);

    if (!array) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "%.130s is too large", where);
    }
    V_VT(v) = (VARTYPE)(VT_ARRAY | rule->vt);
    V_ARRAY(v) = array;
    for (size_t i = 0; i < p->count; i++) {
        LONG index = (LONG)i;
        VARIANT one;
        HRESULT hr;

        VariantInit(&one);
        if (write_scalar(&one, rule, where, &p->values[i], prefix, err) != 0) {
            return -1;
        }
        hr = rule->vt == VT_BSTR ? SafeArrayPutElement(array, &index, V_BSTR(&one))
                                 : SafeArrayPutElement(array, &index, &V_I8(&one));
        VariantClear(&one);
        if (FAILED(hr)) {
            return tk_com_fail(err, hr, where);
        }
    }
    return 0;
}

// A scalar is taken for an array of one, and an array of one for a scalar, as other transports do.
static int write_value(VARIANT *v, CIMTYPE cim, const char *where, const struct tk_cim_property *p,
                       const char *prefix, struct tk_failure *err)
{
    const struct tk_com_type *rule = tk_com_type(cim);

    if (!rule) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "%.130s has a type that is not known", where);
    }
    if (p->is_null) {
        V_VT(v) = VT_NULL;
        return 0;
    }
    if (cim & CIM_FLAG_ARRAY) {
        return write_array(v, rule, where, p, prefix, err);
    }
    if (p->count != 1) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "%.130s takes one value, not %d", where,
                       (int)p->count);
    }
    return write_scalar(v, rule, where, &p->values[0], prefix, err);
}

int tk_com_put(IWbemClassObject *in, const struct tk_cim_property *p, const char *class_name,
               const char *prefix, struct tk_failure *err)
{
    char *where = class_name ? tk_sprintf("%.60s.%.60s", class_name, p->name)
                             : tk_sprintf("parameter %.60s", p->name);
    BSTR name = tk_com_bstr(p->name);
    CIMTYPE cim = 0;
    VARIANT v;
    HRESULT hr = IWbemClassObject_Get(in, name, 0, NULL, &cim, NULL);
    int result = -1;

    VariantInit(&v);
    if (FAILED(hr)) {
        tk_fail(err, TK_WMI_BAD_PARAMETER, "%.100s has no %s %.100s",
                class_name ? class_name : "the method", class_name ? "property" : "parameter",
                p->name);
        err->hresult = TK_COM_BAD_INPUT;
        goto done;
    }
    if (write_value(&v, cim, where, p, prefix, err) != 0) {
        goto done;
    }
    hr = IWbemClassObject_Put(in, name, 0, &v, 0);
    result = SUCCEEDED(hr) ? 0 : tk_com_fail(err, hr, where);
done:
    VariantClear(&v);
    SysFreeString(name);
    tk_free(where);
    return result;
}
