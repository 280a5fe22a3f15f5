// See seal_frame.h. What Windows sends differs from MIME in small ways (MS-WSMV 2.2.9.1 and what
// its clients have seen): no empty line between the headers of a part and its content, headers that
// may begin with a tab, and sometimes a blank between the two hyphens and the boundary. These are
// taken, and nothing more: whoever writes something else is not WinRM.
#include "seal_frame.h"

#include <stdio.h>
#include <string.h>

#define BOUNDARY         "Encrypted Boundary"
#define BOUNDARY_MAX     70 // RFC 2046, 5.1.1
#define LINE_MAX_BYTES   512
#define HEADER_MAX_LEN   65536 // of the token; Kerberos needs 60 bytes, NTLM 16
#define PLAIN_MAX_DIGITS 10

struct protocol_name {
    enum tk_seal_protocol protocol;
    const char *text;
    const char *type;
};

#define TYPE_OF(protocol) "multipart/encrypted;protocol=\"" protocol "\";boundary=\"" BOUNDARY "\""
#define SPNEGO            "application/HTTP-SPNEGO-session-encrypted"
#define KERBEROS          "application/HTTP-Kerberos-session-encrypted"

static const struct protocol_name protocols[] = {
    [TK_SEAL_SPNEGO] = {TK_SEAL_SPNEGO, SPNEGO, TYPE_OF(SPNEGO)},
    [TK_SEAL_KERBEROS] = {TK_SEAL_KERBEROS, KERBEROS, TYPE_OF(KERBEROS)},
};

struct text { // a piece of the body, or of a header
    const char *at;
    size_t len;
};

static int refuse(struct tk_failure *err, const char *why)
{
    return tk_fail(err, TK_WMI_SEAL, "not a properly encrypted message: %s", why);
}

// ---- small comparisons, since nothing here ends with a zero

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(struct text t, const char *word)
{
    size_t i;

    for (i = 0; i < t.len && word[i]; i++) {
        if (lower(t.at[i]) != lower(word[i])) {
            return false;
        }
    }
    return i == t.len && !word[i];
}

static struct text trimmed(struct text t)
{
    while (t.len > 0 && (t.at[0] == ' ' || t.at[0] == '\t')) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t')) {
        t.len--;
    }
    return t;
}

// Takes what stands before `mark` (the rest when it is not there) off the front of *t, trimmed.
static struct text cut(struct text *t, char mark)
{
    const char *end = t->len > 0 ? memchr(t->at, mark, t->len) : NULL;
    struct text piece = {t->at, end ? (size_t)(end - t->at) : t->len};
    size_t used = end ? piece.len + 1 : piece.len;

    t->at += used;
    t->len -= used;
    return trimmed(piece);
}

static struct text unquoted(struct text t)
{
    if (t.len >= 2 && t.at[0] == '"' && t.at[t.len - 1] == '"') {
        t.at++;
        t.len -= 2;
    }
    return t;
}

// ---- the header Content-Type

bool tk_seal_frame_claims(const char *content_type)
{
    struct text rest = {content_type, strlen(content_type)};

    return same(cut(&rest, ';'), "multipart/encrypted");
}

static bool find_protocol(struct text name, enum tk_seal_protocol *out)
{
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        if (same(name, protocols[i].text)) {
            *out = protocols[i].protocol;
            return true;
        }
    }
    return false;
}

static int read_type(const char *content_type, enum tk_seal_protocol *protocol,
                     struct text *boundary, struct tk_failure *err)
{
    struct text rest = {content_type, strlen(content_type)};
    bool known = false;

    *boundary = (struct text){"", 0};
    if (!same(cut(&rest, ';'), "multipart/encrypted")) {
        return refuse(err, "it has another Content-Type");
    }
    while (rest.len > 0) {
        struct text value = cut(&rest, ';');
        struct text name = cut(&value, '=');

        value = unquoted(trimmed(value));
        if (same(name, "protocol")) {
            known = find_protocol(value, protocol);
        } else if (same(name, "boundary")) {
            *boundary = value;
        }
    }
    if (!known) {
        return refuse(err, "it is encrypted by another protocol");
    }
    if (boundary->len == 0 || boundary->len > BOUNDARY_MAX) {
        return refuse(err, "it names no usable boundary");
    }
    return 0;
}

// ---- the body

// Takes "--boundary" off the front, also with the blank.
static bool take_delimiter(struct text *t, struct text boundary)
{
    size_t lead = t->len > 2 && t->at[2] == ' ' && boundary.at[0] != ' ' ? 3 : 2;

    if (t->len < lead + boundary.len || memcmp(t->at, "--", 2) != 0 ||
        memcmp(t->at + lead, boundary.at, boundary.len) != 0) {
        return false;
    }
    t->at += lead + boundary.len;
    t->len -= lead + boundary.len;
    return true;
}

// Takes one line off the front.
static bool take_line(struct text *t, struct text *line)
{
    size_t most = t->len < LINE_MAX_BYTES ? t->len : LINE_MAX_BYTES;
    const char *end = most > 0 ? memchr(t->at, '\r', most) : NULL;

    if (!end || (size_t)(end - t->at) + 1 >= t->len || end[1] != '\n') {
        return false;
    }
    *line = trimmed((struct text){t->at, (size_t)(end - t->at)});
    t->len -= (size_t)(end - t->at) + 2;
    t->at = end + 2;
    return true;
}

static bool take_delimiter_line(struct text *t, struct text boundary)
{
    struct text line;

    return take_delimiter(t, boundary) && take_line(t, &line) && line.len == 0;
}

// Takes "Name: value" off the front.
static bool take_header(struct text *t, const char *name, struct text *value)
{
    if (!take_line(t, value) || !same(cut(value, ':'), name)) {
        return false;
    }
    *value = trimmed(*value);
    return true;
}

static bool number_of(struct text t, size_t *out)
{
    uint64_t n = 0;

    if (t.len == 0 || t.len > PLAIN_MAX_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(t.at[i] - '0');
    }
    *out = (size_t)n;
    return n <= SIZE_MAX;
}

// "type=application/soap+xml;charset=UTF-8;Length=12"
static bool read_original(struct text value, struct tk_seal_frame *out)
{
    struct text whole = value;
    const char *end = value.at;
    bool has_length = false;
    struct text type;

    while (value.len > 0 && !has_length) {
        struct text field;

        end = value.at;
        field = cut(&value, ';');
        if (same(cut(&field, '='), "Length")) {
            has_length = number_of(trimmed(field), &out->plain_len);
            if (!has_length) {
                return false;
            }
        }
    }
    type = (struct text){whole.at, end > whole.at ? (size_t)(end - whole.at) - 1 : 0};
    if (!has_length || value.len > 0 || !same(cut(&type, '='), "type") || type.len == 0 ||
        type.len >= sizeof out->inner_type) {
        return false;
    }
    snprintf(out->inner_type, sizeof out->inner_type, "%.*s", (int)type.len, type.at);
    return true;
}

// Takes the last delimiter, "--boundary--", off the end.
static bool take_end(struct text *t, struct text boundary)
{
    size_t len = t->len;

    if (len >= 2 && memcmp(t->at + len - 2, "\r\n", 2) == 0) {
        len -= 2;
    }
    for (size_t lead = 2; lead <= 3; lead++) { // the blank counts as part of the delimiter
        size_t need = lead + boundary.len + 2;
        struct text end = {t->at, need};

        if (len < need) {
            return false;
        }
        end.at += len - need;
        if (take_delimiter(&end, boundary) && end.len == 2 && memcmp(end.at, "--", 2) == 0) {
            t->len = len - need;
            return true;
        }
    }
    return false;
}

// The second part: the length of the token, the token, and what is encrypted.
static int read_sealed(struct text t, struct tk_seal_frame *out, struct tk_failure *err)
{
    const unsigned char *n = (const unsigned char *)t.at;
    uint32_t header_len;

    if (t.len < 4) {
        return refuse(err, "it ends before the security token");
    }
    header_len = (uint32_t)n[0] | (uint32_t)n[1] << 8 | (uint32_t)n[2] << 16 | (uint32_t)n[3] << 24;
    t.at += 4;
    t.len -= 4;
    if (header_len == 0 || header_len > HEADER_MAX_LEN || header_len > t.len) {
        return refuse(err, "the length of its security token cannot be");
    }
    out->header = t.at;
    out->header_len = header_len;
    out->sealed = t.at + header_len;
    out->sealed_len = t.len - header_len;
    return 0;
}

int tk_seal_frame_read(struct tk_seal_frame *out, const char *content_type, const char *body,
                       size_t len, struct tk_failure *err)
{
    struct text t = {body, len}, boundary, value;
    enum tk_seal_protocol inner;

    memset(out, 0, sizeof *out);
    if (read_type(content_type, &out->protocol, &boundary, err) != 0) {
        return -1;
    }
    if (!take_delimiter_line(&t, boundary)) {
        return refuse(err, "it does not begin with its boundary");
    }
    if (!take_header(&t, "Content-Type", &value) || !find_protocol(value, &inner) ||
        inner != out->protocol) {
        return refuse(err, "its first part is of another kind");
    }
    if (!take_header(&t, "OriginalContent", &value) || !read_original(value, out)) {
        return refuse(err, "it does not say what was encrypted");
    }
    if (!take_delimiter_line(&t, boundary)) {
        return refuse(err, "its second part is missing");
    }
    if (!take_header(&t, "Content-Type", &value) || !same(value, "application/octet-stream")) {
        return refuse(err, "its second part is of another kind");
    }
    if (!take_end(&t, boundary)) {
        return refuse(err, "it does not end with its boundary");
    }
    return read_sealed(t, out, err);
}

// ---- writing

const char *tk_seal_frame_type(enum tk_seal_protocol protocol)
{
    return protocols[protocol].type;
}

void tk_seal_frame_write(struct tk_buffer *body, enum tk_seal_protocol protocol, size_t plain_len,
                         const struct tk_buffer *header, const struct tk_buffer *sealed)
{
    char size[4];

    for (int i = 0; i < 4; i++) {
        size[i] = (char)(unsigned char)(header->len >> (8 * i));
    }
    tk_buffer_printf(body,
                     "--" BOUNDARY "\r\n\tContent-Type: %s\r\n\tOriginalContent: "
                     "type=application/soap+xml;charset=UTF-8;Length=%zu\r\n--" BOUNDARY
                     "\r\n\tContent-Type: application/octet-stream\r\n",
                     protocols[protocol].text, plain_len);
    tk_buffer_add(body, size, sizeof size);
    if (header->len > 0) {
        tk_buffer_add(body, header->text, header->len);
    }
    if (sealed->len > 0) {
        tk_buffer_add(body, sealed->text, sealed->len);
    }
    tk_buffer_puts(body, "--" BOUNDARY "--\r\n");
}
