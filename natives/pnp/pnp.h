// Plug and play devices of one host, through Win32_PnPEntity (root\cimv2), because that is the one
// way that also works from another machine. All functions block with a time limit and know no Lua.
// Facts: Microsoft's reference of Win32_PnPEntity and of the device property keys.
#ifndef TK_PNP_H
#define TK_PNP_H

#include "wmi/wmi.h"

enum tk_pnp_status { TK_PNP_OK, TK_PNP_DISABLED, TK_PNP_ERROR, TK_PNP_ABSENT };
const char *tk_pnp_status_name(enum tk_pnp_status status);

struct tk_pnp_device {
    char *id;                               // instance id
    char *name, *class_name, *manufacturer; // NULL: not told
    char vendor[5], device[5], subclass[5]; // lower case; empty: not told
    char **locations;                       // location paths
    size_t location_count;
    enum tk_pnp_status status;
    unsigned problem; // ConfigManagerErrorCode
    bool dismounted;
};

struct tk_pnp_list {
    struct tk_pnp_device *items;
    size_t count;
};

// NULL: any. Texts compare without case.
struct tk_pnp_filter {
    char *class_name, *manufacturer, *vendor, *device, *location, *id;
    bool locations; // ask for location paths: one request for each device
    bool absent;    // also devices that are not there
};

void tk_pnp_list_clear(struct tk_pnp_list *list);

// "10de" and "1f08" from an instance id or hardware id with VEN_10DE&DEV_1F08; empty where absent.
void tk_pci_ids(const char *id, char vendor[5], char device[5]);

// PCI devices: PCI\ and PCIP\ (given up by the host for assignment).
int tk_pnp_devices(struct tk_pnp_list *out, struct tk_wmi *wmi, const struct tk_pnp_filter *filter,
                   const struct tk_limit *limit, struct tk_failure *err);
// Enables or disables the driver, lasting. Not changed where it is so already. PNP_NOT_FOUND,
// PNP_FAILED.
int tk_pnp_switch(bool *changed, bool *reboot_needed, struct tk_wmi *wmi, const char *id,
                  bool enable, const struct tk_limit *limit, struct tk_failure *err);
// Has the host look for new devices; it does so after this returns.
int tk_pnp_rescan(struct tk_wmi *wmi, const struct tk_limit *limit, struct tk_failure *err);

#endif
