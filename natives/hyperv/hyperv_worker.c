// Processes of virtual machines: the second witness of which machines are on. An account that lacks
// rights and a management service that has just started list no machine, and no error tells it; the
// process of a machine that is on is there all the same, and Windows lists it. What an answer does
// not show counts only where it shows the management service's own process: then the asker can see.
#include <string.h>

#include "hyperv_common.h"

#define WORKER  "vmwp.exe"
#define SERVICE "vmms.exe"
#define PROCESSES                                                                                  \
    "SELECT Name,ProcessId,CommandLine FROM Win32_Process WHERE Name='" WORKER                     \
    "' OR Name='" SERVICE "'"

void tk_worker_list_clear(struct tk_worker_list *list)
{
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

// The first GUID in a command line; false when there is none.
static bool find_guid(const char *text, char id[TK_GUID_SIZE])
{
    size_t len = text ? strlen(text) : 0;
    char part[TK_GUID_SIZE];

    for (size_t i = 0; i + TK_GUID_SIZE - 1 <= len; i++) {
        memcpy(part, text + i, TK_GUID_SIZE - 1);
        part[TK_GUID_SIZE - 1] = '\0';
        if (tk_guid_parse(part, id)) {
            return true;
        }
    }
    id[0] = '\0';
    return false;
}

int tk_hyperv_workers(struct tk_worker_list *out, struct tk_hyperv *h, const struct tk_limit *limit,
                      struct tk_failure *err)
{
    struct tk_cim_list rows = {0};
    struct tk_wmi *windows;
    bool service = false;
    int result;

    memset(out, 0, sizeof *out);
    if (tk_hyperv_windows(&windows, h, err) != 0) {
        return -1;
    }
    result = tk_wmi_query(&rows, windows, PROCESSES, limit, err);
    if (result == 0) {
        out->items = tk_alloc((rows.count + 1) * sizeof *out->items);
    }
    for (size_t i = 0; i < rows.count; i++) {
        const char *name = tk_cim_text(rows.items[i], "Name");

        service = service || tk_same_text(name, SERVICE);
        if (tk_same_text(name, WORKER)) {
            struct tk_worker *w = &out->items[out->count++];

            memset(w, 0, sizeof *w);
            w->process = (uint32_t)(tk_cim_uint_or(rows.items[i], "ProcessId", 0) & UINT32_MAX);
            find_guid(tk_cim_text(rows.items[i], "CommandLine"), w->id);
        }
    }
    tk_cim_list_free(&rows);
    if (result == 0 && !service) {
        result = tk_hyperv_empty(err, "Windows lists no process " SERVICE " on this host, so that "
                                      "nothing tells which virtual machines are on");
    }
    if (result != 0) {
        tk_worker_list_clear(out);
    }
    return result;
}
