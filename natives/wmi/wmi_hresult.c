// Error numbers as failure codes, and which of them pass by themselves: one table for every
// transport; the simulation of the lab asks the same one (wmi.meaning). Sources: Microsoft's
// reference of WMI error constants (WBEM_E_*), wsmerror.h (ERROR_WSMAN_*), winerror.h.
#include "wmi_hresult.h"

#include <stddef.h>

#define WSMAN(n) (0x80338000u + (n))
#define WIN32(n) (0x80070000u | (n))

#define PASSES      TK_PASSES
#define PASSES_DONE (TK_PASSES | TK_MAYBE_DONE)
#define NOBODY      (TK_PASSES | TK_BROKEN)
#define NOBODY_DONE (TK_PASSES | TK_MAYBE_DONE | TK_BROKEN)
#define NEVER       TK_BROKEN

static const struct tk_wmi_hresult known[] = {
    // WBEM_E_*
    {0x80041002u, TK_WMI_NOT_FOUND, 0},
    {0x80041003u, TK_WMI_ACCESS, 0},
    {0x80041005u, TK_WMI_BAD_PARAMETER, 0},   // type mismatch
    {0x80041006u, TK_WMI_FAULT, PASSES_DONE}, // out of memory
    {0x80041008u, TK_WMI_BAD_PARAMETER, 0},
    {0x8004100eu, TK_WMI_BAD_CLASS, 0}, // namespace
    {0x80041010u, TK_WMI_BAD_CLASS, 0},
    {0x80041013u, TK_WMI_FAULT, PASSES},      // the provider cannot be loaded
    {0x80041014u, TK_WMI_FAULT, PASSES},      // ... does not start
    {0x80041015u, TK_WMI_FAULT, NOBODY_DONE}, // transport failure
    {0x80041017u, TK_WMI_BAD_QUERY, 0},
    {0x80041018u, TK_WMI_BAD_QUERY, 0},
    {0x8004102eu, TK_WMI_BAD_PARAMETER, 0},   // no such method
    {0x8004102fu, TK_WMI_BAD_PARAMETER, 0},   // method parameters
    {0x80041032u, TK_WMI_FAULT, PASSES_DONE}, // the call was cancelled
    {0x80041033u, TK_WMI_FAULT, NOBODY_DONE}, // shutting down
    {0x8004103au, TK_WMI_BAD_PARAMETER, 0},   // invalid object path
    {0x80041045u, TK_WMI_BUSY, PASSES},       // too busy
    {0x8004106cu, TK_WMI_BUSY, PASSES},       // quota
    // ERROR_WSMAN_*
    {WSMAN(0), TK_WMI_NOT_FOUND, 0},
    {WSMAN(1), TK_WMI_BAD_PARAMETER, 0},  // action
    {WSMAN(2), TK_WMI_BAD_CLASS, 0},      // resource URI
    {WSMAN(18), TK_WMI_FAULT, PASSES},    // destination unreachable
    {WSMAN(19), TK_WMI_BAD_PARAMETER, 0}, // action not supported
    {WSMAN(25), TK_WMI_BAD_QUERY, 0},
    {WSMAN(26), TK_WMI_BAD_QUERY, 0},         // cannot process filter
    {WSMAN(27), TK_WMI_FAULT, PASSES},        // enumeration context
    {WSMAN(28), TK_WMI_TIMEOUT, PASSES_DONE}, // enumeration
    {WSMAN(38), TK_WMI_TOO_LARGE, 0},
    {WSMAN(41), TK_WMI_TIMEOUT, PASSES_DONE}, // operation
    {WSMAN(50), TK_WMI_BUSY, PASSES},         // concurrency
    {WSMAN(53), TK_WMI_TOO_LARGE, 0},
    {WSMAN(58), TK_WMI_BAD_PARAMETER, 0},
    {WSMAN(59), TK_WMI_BAD_CLASS, 0}, // resource URI
    {WSMAN(61), TK_WMI_BAD_PARAMETER, 0},
    {WSMAN(63), TK_WMI_BUSY, PASSES},     // quota
    {WSMAN(65), TK_WMI_BAD_PARAMETER, 0}, // schema
    {WSMAN(67), TK_WMI_BAD_PARAMETER, 0},
    {WSMAN(71), TK_WMI_TOO_LARGE, 0},
    {WSMAN(72), TK_WMI_TOO_LARGE, 0},
    {WSMAN(73), TK_WMI_TOO_LARGE, 0},
    {WSMAN(85), TK_WMI_BAD_PARAMETER, 0}, // parameter name
    {WSMAN(86), TK_WMI_BAD_PARAMETER, 0},
    {WSMAN(90), TK_WMI_BAD_PARAMETER, 0}, // selectors
    {WSMAN(91), TK_WMI_BAD_PARAMETER, 0},
    {WSMAN(93), TK_WMI_BAD_PARAMETER, 0},
    {WSMAN(94), TK_WMI_BAD_PARAMETER, 0},
    {WSMAN(0x1a5), TK_WMI_BUSY, PASSES}, // quotas: shells
    {WSMAN(0x1a6), TK_WMI_BUSY, PASSES}, // ... operations of this user
    {WSMAN(0x1a7), TK_WMI_BUSY, PASSES}, // ... requests of this user
    {WSMAN(0x1a8), TK_WMI_BUSY, PASSES}, // ... of the system
    {WSMAN(0x1ab), TK_WMI_BUSY, PASSES}, // ... users of shells
    {WSMAN(0x1e4), TK_WMI_BUSY, PASSES}, // ... of a plug-in, each
    {WSMAN(0x1e5), TK_WMI_BUSY, PASSES},
    {WSMAN(0x1e6), TK_WMI_BUSY, PASSES},
    {WSMAN(0x1e7), TK_WMI_BUSY, PASSES},
    {WSMAN(0x1e8), TK_WMI_FAULT, PASSES},
    {WSMAN(0x1e9), TK_WMI_FAULT, PASSES},
    {WSMAN(0x1ea), TK_WMI_FAULT, PASSES},
    // Windows
    {WIN32(5), TK_WMI_ACCESS, 0},
    {WIN32(121), TK_WMI_TIMEOUT, PASSES_DONE}, // semaphore
    {WIN32(995), TK_WMI_FAULT, PASSES_DONE},   // the operation was aborted
    {WIN32(1053), TK_WMI_FAULT, NOBODY},       // the service did not answer
    {WIN32(1058), TK_WMI_FAULT, NOBODY},       // ... is disabled
    {WIN32(1060), TK_WMI_FAULT, NEVER},        // ... does not exist
    {WIN32(1062), TK_WMI_FAULT, NOBODY},       // ... is not started
    {WIN32(1115), TK_WMI_FAULT, NOBODY},       // the host is shutting down
    {WIN32(1359), TK_WMI_FAULT, PASSES_DONE},  // internal error
    {WIN32(1460), TK_WMI_TIMEOUT, PASSES_DONE},
    {WIN32(1722), TK_WMI_FAULT, NOBODY},      // RPC server unavailable
    {WIN32(1723), TK_WMI_FAULT, NOBODY},      // ... too busy
    {WIN32(1726), TK_WMI_FAULT, NOBODY_DONE}, // the call failed
    {WIN32(1727), TK_WMI_FAULT, NOBODY},      // ... and was not executed
    {WIN32(1753), TK_WMI_FAULT, NOBODY},      // no endpoint: the service is starting
    // COM
    {0x80010001u, TK_WMI_FAULT, PASSES},      // call rejected
    {0x80010007u, TK_WMI_FAULT, NOBODY_DONE}, // the server died
    {0x8001010au, TK_WMI_FAULT, PASSES},      // call later
    {0x80010012u, TK_WMI_FAULT, NOBODY},      // the server died, and the call was not executed
    {0x80010108u, TK_WMI_FAULT, NOBODY_DONE}, // disconnected
    {0x80040154u, TK_WMI_FAULT, NEVER},       // class not registered
    {0x80080005u, TK_WMI_FAULT, NOBODY},      // the server does not start
};

const struct tk_wmi_hresult *tk_wmi_hresult_find(uint32_t number)
{
    uint32_t wrapped = number > 0 && number <= 0xffffu ? WIN32(number) : number;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].number == wrapped) {
            return &known[i];
        }
    }
    return NULL;
}

struct tk_wmi_page tk_wmi_page_of(int http)
{
    switch (http) {
    case 401:
        return (struct tk_wmi_page){TK_WMI_AUTH, 0};
    case 403:
        return (struct tk_wmi_page){TK_WMI_ACCESS, 0};
    case 404: // http.sys: nobody has registered this address
        return (struct tk_wmi_page){TK_WMI_UNREACHABLE, TK_PASSES};
    case 503: // ... or whoever has is stopped, perhaps just now
        return (struct tk_wmi_page){TK_WMI_UNREACHABLE, TK_PASSES | TK_MAYBE_DONE};
    case 405:
        return (struct tk_wmi_page){TK_WMI_BAD_ANSWER, 0};
    case 408:
    case 429:
        return (struct tk_wmi_page){TK_WMI_BAD_ANSWER, TK_PASSES};
    default:
        return (struct tk_wmi_page){TK_WMI_BAD_ANSWER,
                                    http >= 500 ? TK_PASSES | TK_MAYBE_DONE : TK_MAYBE_DONE};
    }
}
