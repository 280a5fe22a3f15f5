// What WMI's own error numbers mean, whatever carried them.
#ifndef TK_WMI_HRESULT_H
#define TK_WMI_HRESULT_H

#include "failure.h"

struct tk_wmi_hresult {
    uint32_t number;
    enum tk_code code;
    bool transient;
};

// NULL: not a number that we know.
const struct tk_wmi_hresult *tk_wmi_hresult_find(uint32_t number);

#endif
