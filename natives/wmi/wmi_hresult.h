// What error numbers of WMI, of WS-Management and of the systems beneath them mean, whatever
// carried them.
#ifndef TK_WMI_HRESULT_H
#define TK_WMI_HRESULT_H

#include "runtime/failure.h"

enum tk_wmi_marks {
    TK_PASSES = 1 << 0,     // a passing fault: trying again may help
    TK_MAYBE_DONE = 1 << 1, // a method may have been carried out all the same
    TK_BROKEN = 1 << 2,     // over COM: the connection is gone, and nobody answered
};

struct tk_wmi_hresult {
    uint32_t number;
    enum tk_code code;
    unsigned marks; // of tk_wmi_marks
};

// Finds a number; one of Win32 also as the HRESULT that it is wrapped in. NULL: not known.
const struct tk_wmi_hresult *tk_wmi_hresult_find(uint32_t number);

// What a page with this HTTP status means that came instead of a SOAP envelope: from http.sys,
// which answers for a service that is stopped, or from a proxy.
struct tk_wmi_page {
    enum tk_code code;
    unsigned marks;
};
struct tk_wmi_page tk_wmi_page_of(int http);

#endif
