// Instances inside string parameters, as text: see wmi_com.h. WMI's own IWbemObjectTextSrc writes
// it, from an instance of the class that each property is put into by its CIM type: so a property
// that the class does not have, or a value that does not fit, is seen here and not by Hyper-V.
//
// The text tells all properties of the class and the system's (__CLASS and so on), those without a
// value as empty elements. Hyper-V takes both: OpenStack has sent such texts of spawned instances
// since 2012, and nova's tests keep recordings of them.
#include "wmi_com.h"

#include <objbase.h>
#include <oleauto.h>

struct writing {
    struct tk_com_request *r;
    struct tk_com_space *space;
    IWbemObjectTextSrc *writer; // NULL: this system has none
    char *prefix;               // of whole paths
};

// ---- an instance

// What a class has defaults for would be told, too, and Hyper-V would take it for something to
// change (the same recordings have an AutomaticStartupActionDelay that nobody gave). What has no
// value is left as it is. A property that may not be without one keeps it.
static HRESULT forget_default(IWbemClassObject *instance, BSTR name)
{
    VARIANT v;
    HRESULT hr;

    VariantInit(&v);
    hr = IWbemClassObject_Get(instance, name, 0, &v, NULL, NULL);
    if (SUCCEEDED(hr) && V_VT(&v) != VT_NULL) {
        VariantClear(&v);
        V_VT(&v) = VT_NULL;
        hr = IWbemClassObject_Put(instance, name, 0, &v, 0);
    }
    VariantClear(&v);
    return hr == (HRESULT)WBEM_E_ILLEGAL_NULL ? WBEM_S_NO_ERROR : hr;
}

static HRESULT forget_defaults(IWbemClassObject *instance)
{
    SAFEARRAY *names = NULL;
    LONG low = 0, high = -1;
    HRESULT hr = IWbemClassObject_GetNames(
        instance, NULL, WBEM_FLAG_ALWAYS | WBEM_FLAG_NONSYSTEM_ONLY, NULL, &names);

    if (FAILED(hr) || !names) {
        return hr;
    }
    SafeArrayGetLBound(names, 1, &low);
    SafeArrayGetUBound(names, 1, &high);
    for (LONG i = low; i <= high && SUCCEEDED(hr); i++) {
        BSTR name = NULL;

        hr = SafeArrayGetElement(names, &i, &name);
        if (SUCCEEDED(hr)) {
            hr = forget_default(instance, name);
        }
        SysFreeString(name);
    }
    SafeArrayDestroy(names);
    return hr;
}

// An instance of the class, without values.
static int spawn(IWbemClassObject **out, const struct writing *w, const char *class_name)
{
    struct tk_failure *err = &w->r->work.err;
    IWbemClassObject *definition = NULL;
    HRESULT hr = tk_com_class(&definition, w->space, w->r->session, class_name, &w->r->work);
    int result = -1;

    if (hr == (HRESULT)WBEM_E_NOT_FOUND) {
        tk_fail(err, TK_WMI_BAD_CLASS, "%.100s has no class %.100s", w->r->name_space, class_name);
        err->hresult = (uint32_t)WBEM_E_INVALID_CLASS;
    } else if (FAILED(hr)) {
        tk_com_failed(w->r, hr);
    } else if (definition) { // else the wait ended; work.err tells why
        hr = IWbemClassObject_SpawnInstance(definition, 0, out);
        if (SUCCEEDED(hr)) {
            hr = forget_defaults(*out);
        }
        result = SUCCEEDED(hr) ? 0 : tk_com_fail(err, hr, class_name);
    }
    if (definition) {
        IWbemClassObject_Release(definition);
    }
    return result;
}

// ---- its text

static int embed_all(const struct writing *w, struct tk_cim_object *in, int nesting);

static int get_text(char **out, const struct writing *w, IWbemClassObject *instance,
                    const char *class_name)
{
    BSTR text = NULL;
    HRESULT hr =
        IWbemObjectTextSrc_GetText(w->writer, 0, instance, WMI_OBJ_TEXT_CIM_DTD_2_0, NULL, &text);

    if (SUCCEEDED(hr) && !text) {
        hr = (HRESULT)WBEM_E_FAILED;
    }
    if (SUCCEEDED(hr)) {
        *out = tk_com_utf8(text, SysStringLen(text));
    }
    SysFreeString(text);
    return SUCCEEDED(hr) ? 0 : tk_com_fail(&w->r->work.err, hr, class_name);
}

// Changes the object: instances inside it become texts first.
static int write_text(char **out, const struct writing *w, struct tk_cim_object *o, int nesting)
{
    IWbemClassObject *instance = NULL;
    int result = -1;

    if (!w->writer) { // Wine has none; over WS-Management the same text goes out
        *out = tk_cim_to_xml(o);
        return 0;
    }
    if (nesting > TK_COM_NESTING) {
        return tk_fail(&w->r->work.err, TK_WMI_BAD_PARAMETER, "instances are nested too deep");
    }
    if (embed_all(w, o, nesting + 1) != 0 || spawn(&instance, w, o->class_name) != 0) {
        goto done;
    }
    for (size_t i = 0; i < o->count; i++) {
        if (tk_com_put(instance, &o->properties[i], o->class_name, w->prefix, &w->r->work.err) !=
            0) {
            goto done;
        }
    }
    result = get_text(out, w, instance, o->class_name);
done:
    if (instance) {
        IWbemClassObject_Release(instance);
    }
    return result;
}

static int embed_all(const struct writing *w, struct tk_cim_object *in, int nesting)
{
    for (size_t i = 0; i < in->count; i++) {
        for (size_t k = 0; k < in->properties[i].count; k++) {
            struct tk_cim_value *value = &in->properties[i].values[k];

            if (value->object) {
                if (write_text(&value->text, w, value->object, nesting) != 0) {
                    return -1;
                }
                tk_cim_free(value->object);
                value->object = NULL;
            }
        }
    }
    return 0;
}

static bool has_instances(const struct tk_cim_object *in)
{
    for (size_t i = 0; i < in->count; i++) {
        for (size_t k = 0; k < in->properties[i].count; k++) {
            if (in->properties[i].values[k].object) {
                return true;
            }
        }
    }
    return false;
}

// The writer is made for each call: it lives in this process, and nobody has to keep it.
int tk_com_embed(struct tk_com_request *r, struct tk_com_space *space)
{
    struct writing w = {.r = r, .space = space};
    int result = -1;
    HRESULT hr;

    if (!has_instances(r->in)) {
        return 0;
    }
    hr = CoCreateInstance(&CLSID_WbemObjectTextSrc, NULL, CLSCTX_INPROC_SERVER,
                          &IID_IWbemObjectTextSrc, (void **)&w.writer);
    if (FAILED(hr) && hr != REGDB_E_CLASSNOTREG) {
        return tk_com_fail(&r->work.err, hr, "the writer of CIM-XML");
    }
    w.prefix = tk_com_prefix(space);
    result = embed_all(&w, r->in, 0);
    tk_free(w.prefix);
    if (w.writer) {
        IWbemObjectTextSrc_Release(w.writer);
    }
    return result;
}
