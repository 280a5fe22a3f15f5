// See pnp.h. What a device is comes from its ids, because names and classes are translated and
// depend on the driver.
#include "pnp.h"

#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"

// ConfigManagerErrorCode
#define DISABLED    22
#define NOT_PRESENT 24
#define RESCAN      "pnputil.exe /scan-devices"
#define PHANTOM     45

#define LOCATION_PATHS "DEVPKEY_Device_LocationPaths"
#define HEX            "0123456789ABCDEFabcdef"

const char *tk_pnp_status_name(enum tk_pnp_status status)
{
    static const char *const names[] = {"ok", "disabled", "error", "absent"};

    return names[status];
}

static void clear_device(struct tk_pnp_device *d)
{
    tk_free(d->id);
    tk_free(d->name);
    tk_free(d->class_name);
    tk_free(d->manufacturer);
    for (size_t i = 0; i < d->location_count; i++) {
        tk_free(d->locations[i]);
    }
    tk_free(d->locations);
    memset(d, 0, sizeof *d);
}

void tk_pnp_list_clear(struct tk_pnp_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        clear_device(&list->items[i]);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

// ---- ids

// Four hexadecimal digits after `mark`, in lower case.
static bool read_id(const char *text, const char *mark, char out[5])
{
    size_t len = strlen(mark);

    out[0] = '\0';
    for (; *text; text++) {
        if (strncmp(text, mark, len) == 0 && strspn(text + len, HEX) >= 4) {
            for (size_t i = 0; i < 4; i++) {
                char c = text[len + i];

                out[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
            }
            out[4] = '\0';
            return true;
        }
    }
    return false;
}

void tk_pci_ids(const char *id, char vendor[5], char device[5])
{
    read_id(id ? id : "", "VEN_", vendor);
    read_id(id ? id : "", "DEV_", device);
}

// The first two bytes of the class code, from one of the ids that have it.
static void read_subclass(struct tk_pnp_device *d, const struct tk_cim_object *o)
{
    static const char *const lists[] = {"HardwareID", "CompatibleID"};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t j = 0; j < tk_cim_count(o, lists[i]); j++) {
            const char *text = tk_cim_text_at(o, lists[i], j);

            if (text && read_id(text, "CC_", d->subclass)) {
                return;
            }
        }
    }
}

static bool begins_with(const char *text, const char *with)
{
    for (; *with; text++, with++) {
        char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;

        if (c != *with) {
            return false;
        }
    }
    return true;
}

static enum tk_pnp_status status_of(const struct tk_cim_object *o, unsigned problem)
{
    bool present = true;

    tk_cim_bool(o, "Present", &present); // not told by old hosts
    if (!present || problem == NOT_PRESENT || problem == PHANTOM) {
        return TK_PNP_ABSENT;
    }
    return problem == 0 ? TK_PNP_OK : problem == DISABLED ? TK_PNP_DISABLED : TK_PNP_ERROR;
}

// False for what is no PCI device.
static bool read_device(struct tk_pnp_device *d, const struct tk_cim_object *o)
{
    const char *id = tk_cim_text(o, "DeviceID");

    memset(d, 0, sizeof *d);
    if (!id || (!begins_with(id, "PCI\\") && !begins_with(id, "PCIP\\"))) {
        return false;
    }
    d->id = tk_strdup(id);
    d->name = tk_strdup(tk_cim_text(o, "Name"));
    d->class_name = tk_strdup(tk_cim_text(o, "PNPClass"));
    d->manufacturer = tk_strdup(tk_cim_text(o, "Manufacturer"));
    tk_pci_ids(id, d->vendor, d->device);
    read_subclass(d, o);
    d->problem = (unsigned)tk_cim_uint_or(o, "ConfigManagerErrorCode", 0);
    d->status = status_of(o, d->problem);
    d->dismounted = begins_with(id, "PCIP\\");
    return true;
}

// ---- looking

static bool is_hex4(const char *text)
{
    return text && strlen(text) == 4 && strspn(text, HEX) == 4;
}

// LIKE knows _ as "any one character", which does no harm here: the answer is filtered again.
static char *query_for(const struct tk_pnp_filter *f)
{
    char *quoted, *wql;

    if (f->id) {
        quoted = tk_wql_quote(f->id);
        wql = tk_sprintf("SELECT * FROM Win32_PnPEntity WHERE DeviceID='%s'", quoted);
        tk_free(quoted);
        return wql;
    }
    if (is_hex4(f->vendor) && is_hex4(f->device)) {
        return tk_sprintf("SELECT * FROM Win32_PnPEntity WHERE DeviceID LIKE "
                          "'PCI%%VEN_%s&DEV_%s%%'",
                          f->vendor, f->device);
    }
    if (is_hex4(f->vendor)) {
        return tk_sprintf("SELECT * FROM Win32_PnPEntity WHERE DeviceID LIKE 'PCI%%VEN_%s%%'",
                          f->vendor);
    }
    return tk_strdup("SELECT * FROM Win32_PnPEntity WHERE DeviceID LIKE 'PCI%'");
}

static bool fits(const char *wanted, const char *is)
{
    return !wanted || (is && tk_cim_same_name(wanted, is));
}

static bool passes(const struct tk_pnp_filter *f, const struct tk_pnp_device *d)
{
    return (f->absent || d->status != TK_PNP_ABSENT) && fits(f->id, d->id) &&
           fits(f->class_name, d->class_name) && fits(f->manufacturer, d->manufacturer) &&
           fits(f->vendor, d->vendor) && fits(f->device, d->device);
}

static void take_locations(struct tk_pnp_device *d, const struct tk_cim_object *answer)
{
    const struct tk_cim_object *property = tk_cim_object_at(answer, "deviceProperties", 0);
    size_t count = tk_cim_count(property, "Data");

    d->locations = tk_alloc((count + 1) * sizeof *d->locations);
    for (size_t i = 0; i < count; i++) {
        const char *text = tk_cim_text_at(property, "Data", i);

        if (text && *text) {
            d->locations[d->location_count++] = tk_strdup(text);
        }
    }
}

// A device that vanishes meanwhile just has no location.
static int ask_locations(struct tk_pnp_device *d, struct tk_wmi *wmi, const struct tk_cim_object *o,
                         const struct tk_limit *limit, struct tk_failure *err)
{
    char *path = o->path ? tk_strdup(o->path) : tk_cim_path_of(o);
    struct tk_cim_object *in = tk_cim_new(""), *answer = NULL;
    int result;

    tk_cim_add(in, "devicePropertyKeys", TK_CIM_STRING, LOCATION_PATHS);
    result = tk_wmi_call(&answer, wmi, path, "GetDeviceProperties", in, limit, err);
    if (result == 0) {
        take_locations(d, answer);
    } else if (err->code == TK_WMI_NOT_FOUND) {
        result = 0;
    }
    tk_free(path);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}

static bool is_at(const struct tk_pnp_device *d, const char *location)
{
    for (size_t i = 0; i < d->location_count; i++) {
        if (tk_cim_same_name(d->locations[i], location)) {
            return true;
        }
    }
    return false;
}

int tk_pnp_devices(struct tk_pnp_list *out, struct tk_wmi *wmi, const struct tk_pnp_filter *filter,
                   const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list objects = {0};
    char *wql = query_for(filter);
    int result;

    memset(out, 0, sizeof *out);
    result = tk_wmi_query(&objects, wmi, wql, limit, err);
    out->items = tk_alloc((objects.count + 1) * sizeof *out->items);
    for (size_t i = 0; i < objects.count && result == 0; i++) {
        struct tk_pnp_device *d = &out->items[out->count];
        bool wanted = read_device(d, objects.items[i]) && passes(filter, d);

        if (wanted && (filter->locations || filter->location) && d->status != TK_PNP_ABSENT) {
            result = ask_locations(d, wmi, objects.items[i], limit, err);
        }
        if (wanted && (!filter->location || is_at(d, filter->location))) {
            out->count++;
        } else {
            clear_device(d);
        }
    }
    tk_cim_list_free(&objects);
    tk_free(wql);
    if (result != 0) {
        tk_pnp_list_clear(out);
    }
    return result;
}

// ---- changing

static int not_found(struct tk_failure *err, const char *id, const char *why)
{
    tk_fail(err, TK_PNP_NOT_FOUND, "the device %s is not %s", id, why);
    return tk_fail_target(err, id);
}

static int switch_failed(struct tk_failure *err, const struct tk_cim_object *answer,
                         const char *method, const char *id)
{
    uint64_t code = tk_cim_uint_or(answer, "ReturnValue", UINT32_MAX);

    tk_fail(err, TK_PNP_FAILED, "%s returned %llu", method, (unsigned long long)code);
    err->hresult = (uint32_t)code;
    tk_fail_hint(err, "is a program using the device, and is the account an administrator?");
    return tk_fail_target(err, id);
}

// Faults of the method itself come as HRESULTs of plug and play, which are not documented. One that
// passes is no verdict.
static int explain(struct tk_failure *err, const char *id)
{
    if (err->code == TK_WMI_NOT_FOUND) {
        err->code = TK_PNP_NOT_FOUND;
    } else if (!err->transient &&
               (err->code == TK_WMI_FAULT || err->code == TK_WMI_BAD_PARAMETER)) {
        err->code = TK_PNP_FAILED;
    }
    return tk_fail_target(err, id);
}

static int call_switch(bool *reboot_needed, struct tk_wmi *wmi, const char *path, const char *id,
                       bool enable, const struct tk_limit *limit, struct tk_failure *err)
{
    const char *method = enable ? "Enable" : "Disable";
    struct tk_cim_object *answer = NULL;
    int result = tk_wmi_call(&answer, wmi, path, method, NULL, limit, err);

    if (result != 0) {
        explain(err, id);
    } else if (tk_cim_uint_or(answer, "ReturnValue", UINT32_MAX) != 0) {
        result = switch_failed(err, answer, method, id);
    } else {
        tk_cim_bool(answer, "RebootNeeded", reboot_needed);
    }
    tk_cim_free(answer);
    return result;
}

int tk_pnp_switch(bool *changed, bool *reboot_needed, struct tk_wmi *wmi, const char *id,
                  bool enable, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list list = {0};
    char *quoted = tk_wql_quote(id), *path = NULL;
    char *wql = tk_sprintf("SELECT * FROM Win32_PnPEntity WHERE DeviceID='%s'", quoted);
    enum tk_pnp_status status;
    int result = -1;

    *changed = *reboot_needed = false;
    if (tk_wmi_query(&list, wmi, wql, limit, err) != 0) {
        goto done;
    }
    if (list.count == 0) {
        not_found(err, id, "known on this host");
        goto done;
    }
    status = status_of(list.items[0],
                       (unsigned)tk_cim_uint_or(list.items[0], "ConfigManagerErrorCode", 0));
    if (status == TK_PNP_ABSENT) {
        not_found(err, id, "there");
        goto done;
    }
    // only "disabled" is the driver's being off; other problems are not mended by enabling
    if ((status == TK_PNP_DISABLED) != enable) {
        result = 0;
        goto done;
    }
    path = list.items[0]->path ? tk_strdup(list.items[0]->path) : tk_cim_path_of(list.items[0]);
    result = call_switch(reboot_needed, wmi, path, id, enable, limit, err);
    *changed = result == 0;
done:
    tk_cim_list_free(&list);
    tk_free(quoted);
    tk_free(wql);
    tk_free(path);
    return result;
}

// On this computer by the system's own call. WMI has no method for this; elsewhere a program must
// do (unverified on real hosts), which is only started: nothing tells when it has ended.
int tk_pnp_rescan(struct tk_wmi *wmi, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_object *in, *answer = NULL;
    uint64_t code;
    int result;

    if (tk_wmi_is_local(wmi) && tk_platform_rescan_devices()) {
        return 0;
    }
    in = tk_cim_new("");
    tk_cim_set(in, "CommandLine", TK_CIM_STRING, RESCAN);
    result = tk_wmi_call(&answer, wmi, "Win32_Process", "Create", in, limit, err);
    code = tk_cim_uint_or(answer, "ReturnValue", UINT32_MAX);
    if (result == 0 && code != 0) {
        result = tk_fail(err, TK_PNP_FAILED, "pnputil could not be started: %llu",
                         (unsigned long long)code);
        err->hresult = (uint32_t)code;
    }
    if (result != 0) {
        tk_fail_target(err, RESCAN);
    }
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}
