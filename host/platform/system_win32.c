// See platform.h: the Event Log, and plug and play on this computer.
#include "platform.h"

#include "win32.h"

#include <cfgmgr32.h>

#define SOURCE   L"Takeover"
#define EVENT_ID 1     // of the message "%1" in EventCreate.exe, which the installer names
#define TEXT_MAX 31839 // ReportEventW: characters of one string

// Only where the installer has registered the source: a program that was merely unpacked, and every
// test, leaves the log alone.
static bool is_registered(void)
{
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE,
                      L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\" SOURCE, 0,
                      KEY_QUERY_VALUE, &key) != ERROR_SUCCESS) {
        return false;
    }
    RegCloseKey(key);
    return true;
}

bool tk_platform_report(const char *text)
{
    const wchar_t *strings[1];
    wchar_t *wide;
    HANDLE log;
    BOOL told;

    if (!is_registered()) {
        return false;
    }
    log = RegisterEventSourceW(NULL, SOURCE);
    if (!log) {
        return false;
    }
    wide = tk_wide(text);
    if (wcslen(wide) > TEXT_MAX) {
        wide[TEXT_MAX] = L'\0';
    }
    strings[0] = wide;
    told = ReportEventW(log, EVENTLOG_ERROR_TYPE, 0, EVENT_ID, NULL, 1, 0, strings, NULL);
    DeregisterEventSource(log);
    tk_free(wide);
    return told != FALSE;
}

// The root of the device tree and everything below it, as "Scan for hardware changes" does.
bool tk_platform_rescan_devices(void)
{
    DEVINST root = 0;

    return CM_Locate_DevNodeW(&root, NULL, CM_LOCATE_DEVNODE_NORMAL) == CR_SUCCESS &&
           CM_Reenumerate_DevNode(root, 0) == CR_SUCCESS;
}
