// COM is Windows' own: elsewhere there is WS-Management only. See wmi.h.
#include "wmi/wmi.h"

const struct tk_wmi_transport_entry tk_wmi_platform_transports[] = {{NULL, NULL}};
