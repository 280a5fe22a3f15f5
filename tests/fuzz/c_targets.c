// The targets in plain C: everything that reads what comes over the network or from a file, and the
// writers beside the readers, so that what was read is written and read again.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "small/base64.h"
#include "seal/certificate.h"
#include "wmi/cim/cim.h"
#include "ecx/ecx.h"
#include "fuzz.h"
#include "hostfiles/hostfiles.h"
#include "journal/journal.h"
#include "json/json.h"
#include "log/log.h"
#include "runtime/outside.h"
#include "platform/platform.h"
#include "runtime/redact.h"
#include "seal/seal_frame.h"
#include "wmi/wsman/wsman.h"
#include "xml/xml.h"

static void look_at_object(const struct tk_cim_object *o)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct tk_cim_property *p = tk_cim_find(o, o->properties[i].name);

        TK_FUZZ_ASSERT(p != NULL);
        tk_cim_text(o, p->name);
    }
}

// An answer of WS-Management: the instances in it, the outputs of a method, or a fault.
static void wsman(const char *text, size_t len)
{
    struct tk_limit limit = tk_limit_in(60000);
    struct tk_xml *root = NULL;
    struct tk_failure err;
    const struct tk_xml *body, *fault;

    if (tk_xml_parse(&root, text, len, NULL, &err) != 0) {
        return;
    }
    body = tk_xml_child(root, "Body");
    fault = tk_xml_child(body ? body : root, "Fault");
    if (fault) {
        tk_wsman_fault(fault, len % 2, 500, &err);
        TK_FUZZ_ASSERT(strlen(err.message) > 0);
    }
    for (const struct tk_xml *e = body ? body->first : root; e; e = e->next) {
        struct tk_cim_object *o = NULL;

        if (tk_wsman_object(&o, e, "root/virtualization/v2", &limit, &err) == 0) {
            char *xml = tk_cim_to_xml(o);

            look_at_object(o);
            tk_free(xml);
        }
        tk_cim_free(o);
    }
    tk_xml_free(root);
}

// CIM-XML, read, written, and read again: the same text then.
static void cimxml(const char *text, size_t len)
{
    struct tk_cim_object *o = NULL, *again = NULL;
    struct tk_failure err;
    char *first, *second;

    if (tk_cim_from_xml(&o, text, len, &err) != 0) {
        return;
    }
    look_at_object(o);
    first = tk_cim_to_xml(o);
    if (tk_cim_from_xml(&again, first, strlen(first), &err) == 0) {
        second = tk_cim_to_xml(again);
        TK_FUZZ_ASSERT(strlen(second) > 0);
        tk_free(second);
    }
    tk_cim_free(again);
    tk_cim_free(o);
    tk_free(first);
}

// An object path: what it is written as names the same object.
static void cimpath(const char *text, size_t len)
{
    struct tk_cim_path path = {0};
    struct tk_failure err;
    char *written;

    (void)len;
    if (tk_cim_path_parse(&path, text, &err) != 0) {
        return;
    }
    written = tk_cim_path_format(&path);
    TK_FUZZ_ASSERT(tk_cim_path_same(text, written));
    tk_free(written);
    tk_cim_path_free(&path);
}

static void datetime(const char *text, size_t len)
{
    char *dmtf = tk_cim_datetime_to_dmtf(text);
    bool interval;
    char *iso = dmtf ? tk_cim_datetime_to_iso(dmtf, &interval) : NULL;

    (void)len;
    if (dmtf) {
        TK_FUZZ_ASSERT(strlen(dmtf) == 25);
    }
    tk_free(iso);
    tk_free(dmtf);
}

static void xml(const char *text, size_t len)
{
    struct tk_xml_limits limits = {.max_depth = 20, .max_elements = 5000, .max_attributes = 20};
    struct tk_buffer escaped = {0}, document = {0};
    struct tk_xml *root = NULL;
    struct tk_failure err;

    tk_xml_parse(&root, text, len, &limits, &err);
    tk_xml_free(root);
    tk_xml_escape(&escaped, text); // always good content of a document
    tk_buffer_printf(&document, "<a b=\"%s\">%s</a>", escaped.text, escaped.text);
    TK_FUZZ_ASSERT(tk_xml_parse(&root, document.text, document.len, NULL, &err) == 0);
    tk_xml_free(root);
    tk_buffer_free(&escaped);
    tk_buffer_free(&document);
}

static bool acts(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = tk_utf8_decode(text + i, len - i, &c);

        if (n == 0 || tk_is_acting(c)) {
            return true;
        }
        i += n;
    }
    return false;
}

// What is shown of a text never acts, holds no secret, and is cut between characters.
static void outside(const char *text, size_t len)
{
    struct tk_buffer shown = {0}, again = {0};
    char small[64];

    tk_secret_add("geheim-7", 8);
    tk_escape(&shown, text, len, TK_ESCAPE_ALL);
    TK_FUZZ_ASSERT(!acts(shown.text ? shown.text : "", shown.len));
    tk_escape(&again, shown.text ? shown.text : "", shown.len, TK_ESCAPE_ALL);
    TK_FUZZ_ASSERT(again.len == shown.len);
    tk_format(small, sizeof small, "%s: %.20s %d %zu", text, text, 5, len);
    TK_FUZZ_ASSERT(!acts(small, strlen(small)));
    TK_FUZZ_ASSERT(!strstr(small, "geheim-7"));
    tk_buffer_free(&shown);
    tk_buffer_free(&again);
}

static void json_mark(const char *text, size_t len)
{
    struct tk_buffer marked = {0}, written = {0};
    const char *why;
    size_t at;

    if (tk_json_mark(text, len, &marked, &at, &why)) {
        TK_FUZZ_ASSERT(tk_json_unmarked(text, len, marked.len) <= len);
    } else {
        TK_FUZZ_ASSERT(at <= len);
    }
    tk_json_add_string(&written, text, len);
    tk_buffer_free(&marked);
    tk_buffer_free(&written);
}

static void clpstat(const char *text, size_t len)
{
    struct tk_ecx_status status = {0};

    (void)len;
    tk_ecx_status_parse(&status, text);
    tk_ecx_status_free(&status);
}

static void hostfile(const char *text, size_t len)
{
    char *path = tk_hostfile_path(text);

    (void)len;
    tk_free(path);
}

// Bytes of any code page; a byte says which.
static void codepage(const char *text, size_t len)
{
    unsigned page = len > 0 && text[0] % 2 ? 932 : TK_CODE_PAGE_SYSTEM;
    struct tk_buffer decoded = {0}, encoded = {0};

    tk_platform_decode(&decoded, text, len, page);
    tk_platform_encode(&encoded, text, len, page);
    tk_buffer_free(&decoded);
    tk_buffer_free(&encoded);
}

// An encrypted message: the first line is its Content-Type. What is taken lies inside it, and what
// is written of that is read as the same.
static void seal(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len);
    char *type = tk_strndup(text, end ? (size_t)(end - text) : 0);
    const char *body = end ? end + 1 : text;
    size_t body_len = end ? len - (size_t)(body - text) : 0;
    struct tk_seal_frame frame, again;
    struct tk_buffer header = {0}, sealed = {0}, written = {0};
    struct tk_failure err;

    if (tk_seal_frame_read(&frame, type, body, body_len, &err) == 0) {
        TK_FUZZ_ASSERT(frame.header >= body && frame.header_len > 0);
        TK_FUZZ_ASSERT(frame.sealed + frame.sealed_len <= body + body_len);
        tk_buffer_add(&header, frame.header, frame.header_len);
        tk_buffer_add(&sealed, frame.sealed, frame.sealed_len);
        tk_seal_frame_write(&written, frame.protocol, frame.plain_len, &header, &sealed);
        TK_FUZZ_ASSERT(tk_seal_frame_read(&again, tk_seal_frame_type(frame.protocol), written.text,
                                          written.len, &err) == 0);
        TK_FUZZ_ASSERT(again.plain_len == frame.plain_len && again.sealed_len == sealed.len &&
                       memcmp(again.header, header.text, header.len) == 0);
    }
    tk_buffer_free(&header);
    tk_buffer_free(&sealed);
    tk_buffer_free(&written);
    tk_free(type);
}

// What a host's certificate and its tokens go through.
static void certificate(const char *text, size_t len)
{
    struct tk_buffer binding = {0}, bytes = {0}, again = {0};

    TK_FUZZ_ASSERT(tk_certificate_binding(&binding, text) == (binding.len > 0));
    if (tk_base64_decode(&bytes, text, len) && bytes.len > 0) {
        tk_base64_encode(&again, bytes.text, bytes.len);
        TK_FUZZ_ASSERT(again.len == len);
    }
    tk_buffer_free(&binding);
    tk_buffer_free(&bytes);
    tk_buffer_free(&again);
}

// A journal file, however damaged: read, and written to or begun anew.
static void journal(const char *text, size_t len)
{
    static char path[64];
    struct tk_journal *j = NULL;
    struct tk_journal_filter filter = {.run = 1, .limit = 20};
    struct tk_cell cells[TK_JOURNAL_CELLS];
    struct tk_failure err;
    int64_t run;
    int count, fd;

    if (!path[0]) {
        snprintf(path, sizeof path, "/dev/shm/takeover-fuzz-%d.db", (int)getpid());
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    TK_FUZZ_ASSERT(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    close(fd);
    for (int read_only = 1; read_only >= 0; read_only--) {
        if (tk_journal_open(&j, path, read_only, &err) != 0) {
            continue;
        }
        for (int query = TK_JOURNAL_RUNS; query <= TK_JOURNAL_STEP_TIMES; query++) {
            if (tk_journal_select(j, (enum tk_journal_query)query, &filter, &err) == 0) {
                while (tk_journal_next(j, (enum tk_journal_query)query, cells, &count, &err) == 1) {
                }
            }
        }
        if (!read_only) {
            struct tk_journal_run begun = {.command = "start"};

            tk_journal_begin_run(j, &begun, &run, &err);
        }
        if (tk_journal_aside(j)) {
            unlink(tk_journal_aside(j));
        }
        tk_journal_close(j);
    }
    for (int i = 0; i < 4; i++) {
        static const char *const beside[] = {"", "-wal", "-shm", "-journal"};
        char name[96];

        snprintf(name, sizeof name, "%s%s", path, beside[i]);
        unlink(name);
    }
}

const struct tk_fuzz_entry tk_fuzz_c_targets[] = {
    {"wsman", wsman},
    {"cimxml", cimxml},
    {"cimpath", cimpath},
    {"datetime", datetime},
    {"xml", xml},
    {"outside", outside},
    {"json", json_mark},
    {"clpstat", clpstat},
    {"hostfile", hostfile},
    {"codepage", codepage},
    {"journal", journal},
    {"seal", seal},
    {"certificate", certificate},
    {NULL, NULL},
};
