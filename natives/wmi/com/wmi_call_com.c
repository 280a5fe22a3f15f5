// A method over COM: its parameters by the signature that the class tells, semi-synchronous
// execution where WMI has it, and what the answer says. A method is handed over once.
#include "wmi_com.h"

#include <oleauto.h>
#include <string.h>

static int no_method(struct tk_com_request *r, HRESULT hr, const char *class_name)
{
    if (hr != (HRESULT)WBEM_E_NOT_FOUND) {
        return tk_com_failed(r, hr);
    }
    tk_fail(&r->work.err, TK_WMI_BAD_PARAMETER, "%.100s has no method %.100s", class_name,
            r->method);
    r->work.err.hresult = TK_COM_BAD_METHOD;
    return -1;
}

static int fill_input(struct tk_com_request *r, struct tk_com_space *space, IWbemClassObject *in)
{
    char *prefix = tk_com_prefix(space);
    int result = tk_com_embed(r, space);

    for (size_t i = 0; result == 0 && i < r->in->count; i++) {
        result = tk_com_put(in, &r->in->properties[i], NULL, prefix, &r->work.err);
    }
    tk_free(prefix);
    return result;
}

// The in-parameters as an object; *in stays NULL for a method that takes none.
static int make_input(struct tk_com_request *r, struct tk_com_space *space, const char *class_name,
                      IWbemClassObject **in)
{
    IWbemClassObject *definition = NULL, *signature = NULL;
    BSTR method = tk_com_bstr(r->method);
    HRESULT hr = tk_com_class(&definition, space, r->session, class_name, &r->work);
    int result = -1;

    if (FAILED(hr)) {
        tk_com_failed(r, hr);
        goto done;
    }
    if (!definition) { // the wait ended; work.err tells why
        goto done;
    }
    hr = IWbemClassObject_GetMethod(definition, method, 0, &signature, NULL);
    if (FAILED(hr)) {
        no_method(r, hr, class_name);
        goto done;
    }
    if (!signature && r->in && r->in->count > 0) {
        tk_fail(&r->work.err, TK_WMI_BAD_PARAMETER, "%.100s takes no parameters, not even %.100s",
                r->method, r->in->properties[0].name);
        r->work.err.hresult = TK_COM_BAD_INPUT;
        goto done;
    }
    result = 0;
    if (signature) {
        hr = IWbemClassObject_SpawnInstance(signature, 0, in);
        result = FAILED(hr) ? tk_com_failed(r, hr) : r->in != NULL ? fill_input(r, space, *in) : 0;
    }
done:
    if (signature) {
        IWbemClassObject_Release(signature);
    }
    if (definition) {
        IWbemClassObject_Release(definition);
    }
    SysFreeString(method);
    return result;
}

// The method has been handed over, or was refused at the door.
static bool may_be_executed(HRESULT hr)
{
    switch ((uint32_t)hr) {
    case 0x800706beu: // the call failed
    case 0x80010007u: // server died
    case 0x80010108u: // disconnected
    case 0x80041015u: // transport failure
        return true;
    default:
        return false;
    }
}

static HRESULT execute(struct tk_com_request *r, struct tk_com_space *space, IWbemClassObject *in,
                       IWbemClassObject **out, bool *handed_over)
{
    bool semi = tk_com_is_semisynchronous(space);
    IWbemCallResult *answer = NULL;
    BSTR path = tk_com_bstr(r->text), method = tk_com_bstr(r->method);
    HRESULT hr = IWbemServices_ExecMethod(tk_com_services(space), path, method,
                                          semi ? WBEM_FLAG_RETURN_IMMEDIATELY : 0, NULL, in,
                                          semi ? NULL : out, semi ? &answer : NULL);

    SysFreeString(method);
    SysFreeString(path);
    *handed_over = SUCCEEDED(hr) || may_be_executed(hr);
    if (SUCCEEDED(hr) && answer) {
        hr = tk_com_protect(r->session, (IUnknown *)answer);
        if (SUCCEEDED(hr)) {
            hr = tk_com_wait(answer, out, &r->work);
        }
    }
    if (answer) {
        IWbemCallResult_Release(answer);
    }
    return hr;
}

// As WS-Management names it; "__PARAMETERS" tells nothing.
static void name_output(struct tk_com_request *r)
{
    tk_free(r->out->class_name);
    r->out->class_name = tk_sprintf("%s_OUTPUT", r->method);
    tk_free(r->out->path);
    r->out->path = NULL;
}

static int read_output(struct tk_com_request *r, IWbemClassObject *output)
{
    uint64_t budget = r->session->max_bytes;
    int result = tk_com_object(&r->out, output, r->name_space, &budget, 0, &r->work.err);

    if (result == 0) {
        name_output(r);
    } else {
        r->work.err.maybe_executed = true;
    }
    return result;
}

static int execute_and_read(struct tk_com_request *r, struct tk_com_space *space,
                            IWbemClassObject *in)
{
    IWbemClassObject *output = NULL;
    bool handed_over = false;
    int result = -1;
    HRESULT hr;

    if (tk_limit_left_ms(&r->work.limit) == 0) {
        return tk_fail(&r->work.err, TK_DEADLINE, "no time is left for this request");
    }
    tk_com_step(&r->work, r->method, r->session->request_ms, true);
    hr = execute(r, space, in, &output, &handed_over);
    if (FAILED(hr)) {
        tk_com_failed(r, hr);
        r->work.err.maybe_executed = handed_over && (tk_com_is_broken(hr) || tk_com_maybe_done(hr));
    } else if (hr == S_FALSE) { // the wait ended; work.err tells why
        result = -1;
    } else if (output) {
        result = read_output(r, output);
    } else {
        tk_fail(&r->work.err, TK_WMI_BAD_ANSWER, "the answer to %.100s has no output", r->method);
        r->work.err.maybe_executed = true;
    }
    if (output) {
        IWbemClassObject_Release(output);
    }
    return result;
}

static int call_once(struct tk_com_request *r, struct tk_com_space *space)
{
    struct tk_cim_path path = {0};
    IWbemClassObject *in = NULL;
    int result = tk_cim_path_parse(&path, r->text, &r->work.err);

    if (result == 0) {
        result = make_input(r, space, path.keys->class_name, &in);
    }
    if (result == 0) {
        result = execute_and_read(r, space, in);
    }
    if (in) {
        IWbemClassObject_Release(in);
    }
    tk_cim_path_free(&path);
    return result;
}

static int call_run(struct tk_com_work *work)
{
    return tk_com_on_path((struct tk_com_request *)work, call_once);
}

int tk_com_call(void *self, const char *name_space, const char *path, const char *method,
                const struct tk_cim_object *in, struct tk_cim_object **out,
                const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_com_request *r = tk_com_request(self, call_run, name_space, path, limit);

    r->work.reads = false;
    r->method = tk_strdup(method);
    r->in = tk_cim_copy(in);
    return tk_com_run_for_object(r, out, err);
}
