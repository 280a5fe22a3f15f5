// What a failed HRESULT of COM means: see wmi_com.h. The words are the system's own: what the
// provider left on the thread (an __ExtendedStatus), else the text of the number.
#include "wmi_com.h"

#include <objbase.h>
#include <oleauto.h>
#include <stdio.h>
#include <string.h>

#include "wmi/wmi_hresult.h"

#define MAX_TEXT 512 // UTF-16 units of a message

struct advice {
    uint32_t number;
    const char *hint;
};

static const char service_hint[] =
    "is the service Windows Management Instrumentation (winmgmt) running";
static const char remote_hint[] = "is the host up, and does its firewall let Windows Management "
                                  "Instrumentation (DCOM) through";
static const char login_hint[] = "user or password is wrong, or the account may not log in";

// What more can be said of a number than that the connection is gone.
static const struct advice advices[] = {
    {0x800706bau, remote_hint},
    {0x800706bbu, remote_hint},
    {0x8007045bu, "the host is shutting down"},
    {0x80041013u, "the provider cannot be loaded; for Hyper-V: is the service vmms running"},
    {0x80041014u, "the provider does not start; for Hyper-V: is the service vmms running"},
    {0x80041064u,
     "this machine is reached without user and password: leave them out, or use WS-Management"},
    {0x8007052eu, login_hint}, // logon failure
    {0x80070532u, login_hint}, // password expired
    {0x80070533u, login_hint}, // account disabled
    {0x80070775u, login_hint}, // account locked out
};

static const char *find_hint(uint32_t number)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        if (advices[i].number == number) {
            return advices[i].hint;
        }
    }
    return NULL;
}

bool tk_com_is_broken(HRESULT hr)
{
    const struct tk_wmi_hresult *known = tk_wmi_hresult_find((uint32_t)hr);

    return known && (known->marks & TK_BROKEN);
}

bool tk_com_maybe_done(HRESULT hr)
{
    const struct tk_wmi_hresult *known = tk_wmi_hresult_find((uint32_t)hr);

    return known && (known->marks & TK_MAYBE_DONE);
}

// What a number is where it ended the call itself: nobody answered, or the login was refused.
static enum tk_code code_of(uint32_t number, const struct tk_wmi_hresult *known)
{
    if (known && (known->marks & TK_BROKEN)) {
        return TK_WMI_UNREACHABLE;
    } else if (find_hint(number) == login_hint) {
        return TK_WMI_AUTH;
    } else if (number == 0x80041064u) {
        return TK_WMI_BAD_PARAMETER;
    }
    return known ? known->code : TK_WMI_FAULT;
}

// ---- texts

// One line, without blanks around it and without the full stop. Frees `text`; NULL when empty.
static char *tidy(char *text)
{
    size_t to = 0;
    bool gap = false;

    for (const char *p = text; p && *p; p++) {
        if (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n') {
            gap = to > 0;
            continue;
        }
        if (gap) {
            text[to++] = ' ';
            gap = false;
        }
        text[to++] = *p;
    }
    while (to > 0 && text[to - 1] == '.') {
        to--;
    }
    if (to == 0) {
        tk_free(text);
        return NULL;
    }
    text[to] = '\0';
    return text;
}

// Whether a text says no more than the number does (Wine's texts).
static bool is_only_number(const char *text, HRESULT hr)
{
    char number[16];

    snprintf(number, sizeof number, "0x%08x", (unsigned)hr);
    return text && strstr(text, number) && strlen(text) < sizeof "Error code: " + strlen(number);
}

// From wbem's own table of messages.
static char *status_text(HRESULT hr)
{
    IWbemStatusCodeText *codes = NULL;
    BSTR text = NULL;
    char *out = NULL;

    if (SUCCEEDED(CoCreateInstance(&CLSID_WbemStatusCodeText, NULL, CLSCTX_INPROC_SERVER,
                                   &IID_IWbemStatusCodeText, (void **)&codes))) {
        if (SUCCEEDED(IWbemStatusCodeText_GetErrorCodeText(codes, hr, 0, 0, &text)) && text) {
            out = tk_com_utf8(text, SysStringLen(text));
        }
        SysFreeString(text);
        IWbemStatusCodeText_Release(codes);
    }
    if (is_only_number(out, hr)) {
        tk_free(out);
        out = NULL;
    }
    return tidy(out);
}

static char *system_text(HRESULT hr)
{
    WCHAR text[MAX_TEXT];
    DWORD len = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                               (DWORD)hr, 0, text, MAX_TEXT, NULL);

    return len > 0 ? tidy(tk_com_utf8(text, len)) : NULL;
}

static char *extended_text(IErrorInfo *info)
{
    IWbemClassObject *status = NULL;
    BSTR name = SysAllocString(L"Description");
    VARIANT v;
    char *out = NULL;

    VariantInit(&v);
    if (SUCCEEDED(IErrorInfo_QueryInterface(info, &IID_IWbemClassObject, (void **)&status))) {
        if (SUCCEEDED(IWbemClassObject_Get(status, name, 0, &v, NULL, NULL)) &&
            V_VT(&v) == VT_BSTR) {
            out = tk_com_utf8(V_BSTR(&v), SysStringLen(V_BSTR(&v)));
        }
        IWbemClassObject_Release(status);
    }
    VariantClear(&v);
    SysFreeString(name);
    return tidy(out);
}

// What the provider said about the call that just failed on this thread.
static char *provider_text(void)
{
    IErrorInfo *info = NULL;
    BSTR description = NULL;
    char *out;

    if (GetErrorInfo(0, &info) != S_OK || !info) {
        return NULL;
    }
    out = extended_text(info);
    if (!out && SUCCEEDED(IErrorInfo_GetDescription(info, &description)) && description) {
        out = tidy(tk_com_utf8(description, SysStringLen(description)));
    }
    SysFreeString(description);
    IErrorInfo_Release(info);
    return out;
}

// ---- failures

static void add_hint(struct tk_failure *err, const char *what)
{
    const char *hint = find_hint(err->hresult);

    if (err->code == TK_WMI_ACCESS) {
        tk_fail_hint(err,
                     "it must be an administrator's account, or one of Hyper-V Administrators "
                     "with rights on the namespace; a user and password that are given must be "
                     "right");
    } else if (err->hresult == 0x8004100eu && strstr(what, "virtualization")) {
        tk_fail_hint(err, "is the role Hyper-V installed there");
    } else if (hint || err->code == TK_WMI_UNREACHABLE) {
        tk_fail_hint(err, "%s", hint ? hint : service_hint);
    }
}

int tk_com_fail(struct tk_failure *err, HRESULT hr, const char *what)
{
    uint32_t number = (uint32_t)hr;
    const struct tk_wmi_hresult *known = tk_wmi_hresult_find(number);
    enum tk_code code = code_of(number, known);
    char *text = provider_text();

    if (!text) {
        text = status_text(hr);
    }
    if (!text) {
        text = system_text(hr);
    }
    tk_fail(err, code, "%.400s (0x%08X, %.100s)", text ? text : tk_code_meaning(code),
            (unsigned)number, what);
    err->transient = known && (known->marks & TK_PASSES);
    err->hresult = number;
    add_hint(err, what);
    tk_free(text);
    return -1;
}
