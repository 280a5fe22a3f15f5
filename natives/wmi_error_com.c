// What a failed HRESULT of COM means: see wmi_com.h. The words are the system's own: what the
// provider left on the thread (an __ExtendedStatus), else the text of the number.
#include "wmi_com.h"

#include <objbase.h>
#include <oleauto.h>
#include <stdio.h>
#include <string.h>

#include "wmi_hresult.h"

#define MAX_TEXT 512 // UTF-16 units of a message

struct meaning {
    uint32_t number;
    enum tk_code code;
    bool transient;
    bool broken; // the connection is gone
    const char *hint;
};

static const char service_hint[] =
    "is the service Windows Management Instrumentation (winmgmt) running";
static const char remote_hint[] = "is the host up, and does its firewall let Windows Management "
                                  "Instrumentation (DCOM) through";
static const char login_hint[] = "user or password is wrong, or the account may not log in";

// What is not WMI's own: RPC, COM, services (winerror.h).
static const struct meaning meanings[] = {
    {0x800706bau, TK_WMI_UNREACHABLE, true, true, remote_hint},   // RPC server unavailable
    {0x800706bbu, TK_WMI_UNREACHABLE, true, true, remote_hint},   // too busy
    {0x800706beu, TK_WMI_UNREACHABLE, true, true, service_hint},  // the call failed
    {0x800706bfu, TK_WMI_UNREACHABLE, true, true, service_hint},  // ... and was not executed
    {0x80010108u, TK_WMI_UNREACHABLE, true, true, service_hint},  // disconnected
    {0x80010007u, TK_WMI_UNREACHABLE, true, true, service_hint},  // server died
    {0x80010012u, TK_WMI_UNREACHABLE, true, true, service_hint},  // server died, not executed
    {0x80041015u, TK_WMI_UNREACHABLE, true, true, service_hint},  // transport failure
    {0x80041033u, TK_WMI_UNREACHABLE, true, true, service_hint},  // shutting down
    {0x80070422u, TK_WMI_UNREACHABLE, true, true, service_hint},  // service disabled
    {0x80070424u, TK_WMI_UNREACHABLE, false, true, service_hint}, // no such service
    {0x80070426u, TK_WMI_UNREACHABLE, true, true, service_hint},  // service not started
    {0x8007041du, TK_WMI_UNREACHABLE, true, true, service_hint},  // service did not answer
    {0x80080005u, TK_WMI_UNREACHABLE, true, true, service_hint},  // server execution failed
    {0x80040154u, TK_WMI_UNREACHABLE, false, true, service_hint}, // class not registered
    {0x8007045bu, TK_WMI_UNREACHABLE, true, true, "the host is shutting down"},
    {0x80041024u, TK_WMI_FAULT, false, false, NULL}, // provider not capable
    {0x80041013u, TK_WMI_FAULT, true, false,
     "the provider cannot be loaded; for Hyper-V: is the service vmms running"},
    {0x80041014u, TK_WMI_FAULT, true, false,
     "the provider does not start; for Hyper-V: is the service vmms running"},
    {0x80041064u, TK_WMI_BAD_PARAMETER, false, false,
     "this machine is reached without user and password: leave them out, or use WS-Management"},
    {0x8007052eu, TK_WMI_AUTH, false, false, login_hint}, // logon failure
    {0x80070532u, TK_WMI_AUTH, false, false, login_hint}, // password expired
    {0x80070533u, TK_WMI_AUTH, false, false, login_hint}, // account disabled
    {0x80070775u, TK_WMI_AUTH, false, false, login_hint}, // account locked out
    {0x80041001u, TK_WMI_FAULT, false, false, NULL},
};

static const struct meaning *find_meaning(uint32_t number)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].number == number) {
            return &meanings[i];
        }
    }
    return NULL;
}

bool tk_com_is_broken(HRESULT hr)
{
    const struct meaning *m = find_meaning((uint32_t)hr);

    return m && m->broken;
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

static void add_hint(struct tk_failure *err, const struct meaning *m, const char *what)
{
    if (err->code == TK_WMI_ACCESS) {
        tk_fail_hint(err,
                     "it must be an administrator's account, or one of Hyper-V Administrators "
                     "with rights on the namespace; a user and password that are given must be "
                     "right");
    } else if (err->hresult == 0x8004100eu && strstr(what, "virtualization")) {
        tk_fail_hint(err, "is the role Hyper-V installed there");
    } else if (m && m->hint) {
        tk_fail_hint(err, "%s", m->hint);
    }
}

int tk_com_fail(struct tk_failure *err, HRESULT hr, const char *what)
{
    uint32_t number = (uint32_t)hr;
    const struct meaning *m = find_meaning(number);
    const struct tk_wmi_hresult *known = m ? NULL : tk_wmi_hresult_find(number);
    enum tk_code code = known ? known->code : TK_WMI_FAULT;
    char *text = provider_text();

    if (m) {
        code = m->code;
    }
    if (!text) {
        text = status_text(hr);
    }
    if (!text) {
        text = system_text(hr);
    }
    tk_fail(err, code, "%.400s (0x%08X, %.100s)", text ? text : tk_code_meaning(code),
            (unsigned)number, what);
    err->transient = m ? m->transient : known && known->transient;
    err->hresult = number;
    add_hint(err, m, what);
    tk_free(text);
    return -1;
}
