// Judges WS-Management faults: see wsman.h. Servers give the reason in two ways, f:WSManFault with
// a Code attribute (also nested, from the provider) and p:MSFT_WmiError with error_Code, sometimes
// only inside a text; elements are found by local name at any depth (MS-WSMV 3.1.4.1, WinRM as
// seen by its clients). What counts is the innermost WMI error; the code of WS-Management only
// where there is none.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wmi/wmi_hresult.h"
#include "wsman.h"

#define WSMAN_BASE 0x80338000u

// For servers that tell a subcode only (DSP0226, annex on faults).
static const struct {
    const char *name;
    uint32_t number;
} subcodes[] = {
    {"AccessDenied", 5},
    {"ActionNotSupported", WSMAN_BASE + 19},
    {"CannotProcessFilter", WSMAN_BASE + 26},
    {"InvalidEnumerationContext", WSMAN_BASE + 27},
    {"TimedOut", TK_WSMAN_TIMED_OUT},
    {"Concurrency", WSMAN_BASE + 50},
    {"EncodingLimit", WSMAN_BASE + 53},
    {"InvalidParameter", WSMAN_BASE + 58},
    {"InvalidSelectors", WSMAN_BASE + 61},
    {"QuotaLimit", WSMAN_BASE + 63},
    {"SchemaValidationError", WSMAN_BASE + 65},
};

// CIM status codes (DSP0200, 5.2.2), for servers that tell no other number.
static const uint32_t by_cim_status[] = {
    [2] = 0x80041003u, [3] = 0x8004100eu, [4] = 0x80041008u,
    [5] = 0x80041010u, [6] = 0x80041002u, [15] = 0x80041017u,
};

// Facility of WMI, or access denied: says more than what WS-Management made of it.
static bool is_wmi(uint32_t number)
{
    return (number & 0xffff0000u) == 0x80040000u || number == 5 || number == 0x80070005u;
}

struct findings {
    uint32_t wmi;          // innermost WMI error, 0: none
    uint32_t wsman;        // innermost other number
    uint32_t cim_status;   // as WMI error
    struct tk_buffer text; // innermost text
};

static void note_number(struct findings *f, const char *text, int base)
{
    char *end;
    unsigned long long number = strtoull(text, &end, base);

    if (end == text || number == 0 || number > UINT32_MAX) {
        return;
    }
    if (is_wmi((uint32_t)number)) {
        f->wmi = (uint32_t)number;
    } else {
        f->wsman = (uint32_t)number;
    }
}

// "... HRESULT = 0x80041010 ..." inside a text counts only where it names a WMI error.
static void note_hresult_in(struct findings *f, const char *text)
{
    const char *at = strstr(text, "0x8004");

    if (at) {
        unsigned long long number = strtoull(at, NULL, 16);

        f->wmi = number <= UINT32_MAX ? (uint32_t)number : f->wmi;
    }
}

// One line, without blanks around it and without the full stop.
static void note_text(struct findings *f, const char *text)
{
    struct tk_buffer line = {0};
    bool gap = false;

    for (; *text; text++) {
        if (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n') {
            gap = line.len > 0;
            continue;
        }
        if (gap) {
            tk_buffer_puts(&line, " ");
            gap = false;
        }
        tk_buffer_add(&line, text, 1);
    }
    while (line.len > 0 && line.text[line.len - 1] == '.') {
        line.text[--line.len] = '\0';
    }
    if (line.len == 0) {
        tk_buffer_free(&line);
        return;
    }
    tk_buffer_free(&f->text);
    f->text = line;
}

static bool is(const struct tk_xml *e, const char *name)
{
    return strcmp(e->name, name) == 0;
}

// In document order, so that what is deeper and later, the provider's own word, wins.
static void collect(struct findings *f, const struct tk_xml *e)
{
    for (; e; e = e->next) {
        if (is(e, "WSManFault") && tk_xml_attribute(e, "Code")) {
            note_number(f, tk_xml_attribute(e, "Code"), 10);
        } else if (is(e, "error_Code")) {
            note_number(f, e->text, 10);
        } else if (is(e, "CIMStatusCode")) {
            unsigned long status = strtoul(e->text, NULL, 10);

            f->cim_status =
                status < sizeof by_cim_status / sizeof by_cim_status[0] ? by_cim_status[status] : 0;
        } else if (is(e, "MessageID")) {
            note_hresult_in(f, e->text);
        } else if (is(e, "Message")) {
            note_text(f, e->text);
            note_hresult_in(f, e->text);
        }
        collect(f, e->first);
    }
}

static void read_subcode(struct findings *f, const struct tk_xml *fault)
{
    const struct tk_xml *subcode = tk_xml_find(fault, "Subcode");
    const struct tk_xml *value = tk_xml_child(subcode, "Value");
    const char *colon = value ? strchr(value->text, ':') : NULL;

    for (size_t i = 0; colon && i < sizeof subcodes / sizeof subcodes[0]; i++) {
        if (strncmp(colon + 1, subcodes[i].name, strlen(subcodes[i].name)) == 0) {
            f->wsman = subcodes[i].number;
        }
    }
}

static void add_hint(struct tk_failure *err)
{
    if (err->code == TK_WMI_ACCESS) {
        tk_fail_hint(err, "the account must be an administrator of the host, or in Hyper-V "
                          "Administrators and Remote Management Users");
    } else if (err->code == TK_WMI_BAD_QUERY) {
        tk_fail_hint(err, "the query, or its class or namespace, is not known to the host");
    } else if (err->maybe_executed) {
        tk_fail_hint(err, "the method may still be running: look before trying again");
    }
}

int tk_wsman_fault(const struct tk_xml *fault, bool invoke, int http, struct tk_failure *err)
{
    const struct tk_xml *reason = tk_xml_child(tk_xml_child(fault, "Reason"), "Text");
    struct findings f = {0};
    const struct tk_wmi_hresult *rule;
    uint32_t number;

    if (reason) {
        note_text(&f, reason->text);
        note_hresult_in(&f, reason->text);
    }
    read_subcode(&f, fault);
    collect(&f, tk_xml_child(fault, "Detail") ? tk_xml_child(fault, "Detail")->first : NULL);
    if (!f.wmi && !f.wsman) {
        f.wmi = f.cim_status;
    }
    rule = f.wmi ? tk_wmi_hresult_find(f.wmi) : NULL;
    number = rule || !f.wsman ? f.wmi : f.wsman;
    if (!rule && number) {
        rule = tk_wmi_hresult_find(number);
    }
    tk_fail(err, rule ? rule->code : TK_WMI_FAULT, "%s",
            f.text.len ? f.text.text : "a fault without a text");
    err->transient = rule && (rule->marks & TK_PASSES);
    err->hresult = f.wmi ? f.wmi : f.wsman;
    err->http = http;
    err->maybe_executed = invoke && rule && (rule->marks & TK_MAYBE_DONE);
    add_hint(err);
    tk_buffer_free(&f.text);
    return -1;
}
