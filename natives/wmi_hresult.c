// Error numbers of WMI and of the systems beneath it, as failure codes; one table for every
// transport. Source: Microsoft's reference of WMI error constants (WBEM_E_*).
#include "wmi_hresult.h"

#include <stddef.h>

static const struct tk_wmi_hresult known[] = {
    {5, TK_WMI_ACCESS, false},
    {0x80070005u, TK_WMI_ACCESS, false},
    {0x800706bau, TK_WMI_FAULT, true}, // RPC server unavailable
    // WBEM_E_*
    {0x80041002u, TK_WMI_NOT_FOUND, false},
    {0x80041003u, TK_WMI_ACCESS, false},
    {0x80041005u, TK_WMI_BAD_PARAMETER, false}, // type mismatch
    {0x80041008u, TK_WMI_BAD_PARAMETER, false},
    {0x8004100eu, TK_WMI_BAD_CLASS, false}, // namespace
    {0x80041010u, TK_WMI_BAD_CLASS, false},
    {0x80041015u, TK_WMI_FAULT, true}, // transport failure
    {0x80041017u, TK_WMI_BAD_QUERY, false},
    {0x80041018u, TK_WMI_BAD_QUERY, false},
    {0x8004102eu, TK_WMI_BAD_PARAMETER, false}, // no such method
    {0x8004102fu, TK_WMI_BAD_PARAMETER, false}, // method parameters
    {0x80041033u, TK_WMI_FAULT, true},          // shutting down
    {0x8004103au, TK_WMI_BAD_PARAMETER, false}, // invalid object path
    {0x80041045u, TK_WMI_FAULT, true},          // too busy
    {0x8004106cu, TK_WMI_FAULT, true},          // quota
};

const struct tk_wmi_hresult *tk_wmi_hresult_find(uint32_t number)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].number == number) {
            return &known[i];
        }
    }
    return NULL;
}
