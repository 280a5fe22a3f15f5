// Writes WS-Management requests: see wsman.h. Prefixes are fixed, because some servers look for
// them as text.
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "wsman.h"

#define WMI_URI         "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
#define ANONYMOUS       "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
#define MAX_ENVELOPE    512000 // what newer hosts allow by default
#define MAX_REF_NESTING 3

static void element(struct tk_buffer *b, const char *open, const char *text, const char *close)
{
    tk_buffer_puts(b, open);
    tk_xml_escape(b, text);
    tk_buffer_puts(b, close);
}

char *tk_wsman_resource_uri(const char *name_space, const char *class_name)
{
    return tk_sprintf(WMI_URI "%s/%s", name_space, class_name);
}

// Random UUID, version 4 (RFC 9562).
static void add_message_id(struct tk_buffer *b)
{
    unsigned char u[16] = {0};

    uv_random(NULL, NULL, u, sizeof u, 0, NULL); // only has to differ from other messages
    u[6] = (unsigned char)((u[6] & 0x0f) | 0x40);
    u[8] = (unsigned char)((u[8] & 0x3f) | 0x80);
    tk_buffer_puts(b, "<a:MessageID>uuid:");
    for (int i = 0; i < 16; i++) {
        tk_buffer_printf(b, "%s%02X", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
    }
    tk_buffer_puts(b, "</a:MessageID>");
}

// ---- selectors and references

static int add_reference(struct tk_buffer *b, const char *name_space, const char *path, int nesting,
                         struct tk_failure *err);

static int add_selectors(struct tk_buffer *b, const char *name_space,
                         const struct tk_cim_object *keys, int nesting, struct tk_failure *err)
{
    tk_buffer_puts(b, "<w:SelectorSet>");
    for (size_t i = 0; i < keys->count; i++) {
        const struct tk_cim_property *key = &keys->properties[i];
        const char *value = key->count > 0 && key->values[0].text ? key->values[0].text : "";

        element(b, "<w:Selector Name=\"", key->name, "\">");
        if (key->type == TK_CIM_REFERENCE) { // a key of an association (DSP0226, 5.4.2.2)
            tk_buffer_puts(b, "<a:EndpointReference>");
            if (add_reference(b, name_space, value, nesting + 1, err) != 0) {
                return -1;
            }
            tk_buffer_puts(b, "</a:EndpointReference>");
        } else {
            tk_xml_escape(b, value);
        }
        tk_buffer_puts(b, "</w:Selector>");
    }
    tk_buffer_puts(b, "</w:SelectorSet>");
    return 0;
}

static int add_reference(struct tk_buffer *b, const char *name_space, const char *path, int nesting,
                         struct tk_failure *err)
{
    struct tk_cim_path parsed = {0};
    int result;
    char *uri;

    if (nesting > MAX_REF_NESTING) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "a reference holds references too deep");
    }
    if (tk_cim_path_parse(&parsed, path, err) != 0) {
        return -1;
    }
    uri = tk_wsman_resource_uri(parsed.name_space ? parsed.name_space : name_space,
                                parsed.keys->class_name);
    tk_buffer_puts(b, "<a:Address>" ANONYMOUS "</a:Address><a:ReferenceParameters>");
    element(b, "<w:ResourceURI>", uri, "</w:ResourceURI>");
    result = add_selectors(b, name_space, parsed.keys, nesting, err);
    tk_buffer_puts(b, "</a:ReferenceParameters>");
    tk_free(uri);
    tk_cim_path_free(&parsed);
    return result;
}

// ---- envelope

void tk_wsman_begin(struct tk_buffer *b, const struct tk_wsman_header *h)
{
    struct tk_failure ignored;

    tk_buffer_puts(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope"
                      " xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
                      " xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""
                      " xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\""
                      " xmlns:n=\"" TK_WSMAN_ENUMERATION "\""
                      " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Header>");
    element(b, "<a:To>", h->to, "</a:To>");
    element(b, "<w:ResourceURI s:mustUnderstand=\"true\">", h->resource_uri, "</w:ResourceURI>");
    tk_buffer_puts(b, "<a:ReplyTo><a:Address s:mustUnderstand=\"true\">" ANONYMOUS
                      "</a:Address></a:ReplyTo>");
    element(b, "<a:Action s:mustUnderstand=\"true\">", h->action, "</a:Action>");
    tk_buffer_printf(b, "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">%d</w:MaxEnvelopeSize>",
                     MAX_ENVELOPE);
    add_message_id(b);
    tk_buffer_puts(b, "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>");
    tk_buffer_printf(b, "<w:OperationTimeout>PT%lld.%03lldS</w:OperationTimeout>",
                     (long long)(h->operation_ms / 1000), (long long)(h->operation_ms % 1000));
    if (h->selectors && h->selectors->count > 0) {
        add_selectors(b, h->name_space, h->selectors, 0, &ignored);
    }
    tk_buffer_puts(b, "</s:Header><s:Body>");
}

void tk_wsman_end(struct tk_buffer *b)
{
    tk_buffer_puts(b, "</s:Body></s:Envelope>");
}

// ---- parameters of methods

// In the form in which servers give them, inside an element that says which kind it is.
static int add_datetime(struct tk_buffer *b, const char *name, const char *dmtf,
                        struct tk_failure *err)
{
    bool is_interval = false;
    char *iso = tk_cim_datetime_to_iso(dmtf, &is_interval);

    if (!iso) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER,
                       "\"%.60s\" is not a datetime like 20240501123456.000000+000 or "
                       "00000000004500.000000:000 (parameter %.60s)",
                       dmtf, name);
    }
    tk_buffer_printf(
        b, is_interval ? "<cim:Interval>%s</cim:Interval>" : "<cim:Datetime>%s</cim:Datetime>",
        iso);
    tk_free(iso);
    return 0;
}

static int add_value(struct tk_buffer *b, const struct tk_cim_property *p,
                     const struct tk_cim_value *v, const char *name_space, struct tk_failure *err)
{
    char *xml;

    if (v->object) { // as text, escaped a second time
        xml = tk_cim_to_xml(v->object);
        tk_xml_escape(b, xml);
        tk_free(xml);
        return 0;
    }
    switch (p->type) {
    case TK_CIM_REFERENCE: // without a:EndpointReference around it, which the schema refuses
        return add_reference(b, name_space, v->text, 0, err);
    case TK_CIM_DATETIME:
        return add_datetime(b, p->name, v->text, err);
    default:
        tk_xml_escape(b, v->text ? v->text : "");
        return 0;
    }
}

static int add_parameter(struct tk_buffer *b, const struct tk_cim_property *p,
                         const char *name_space, struct tk_failure *err)
{
    if (p->is_null) {
        tk_buffer_printf(b, "<p:%s xsi:nil=\"true\"/>", p->name);
        return 0;
    }
    for (size_t i = 0; i < p->count; i++) {
        tk_buffer_printf(b, "<p:%s>", p->name);
        if (add_value(b, p, &p->values[i], name_space, err) != 0) {
            return -1;
        }
        tk_buffer_printf(b, "</p:%s>", p->name);
    }
    return 0;
}

int tk_wsman_input(struct tk_buffer *b, const char *resource_uri, const char *name_space,
                   const char *method, const struct tk_cim_object *in, struct tk_failure *err)
{
    tk_buffer_printf(b, "<p:%s_INPUT", method);
    element(b, " xmlns:p=\"", resource_uri, "\"");
    tk_buffer_puts(b, " xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\">");
    for (size_t i = 0; in && i < in->count; i++) {
        if (add_parameter(b, &in->properties[i], name_space, err) != 0) {
            return -1;
        }
    }
    tk_buffer_printf(b, "</p:%s_INPUT>", method);
    return 0;
}
