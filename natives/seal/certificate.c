// See certificate.h. Reads just enough of X.509 (RFC 5280, 4.1) to find how the certificate is
// signed: its hash is the binding's, but for MD5 and SHA-1, which SHA-256 replaces (RFC 5929, 4.1).
#include "certificate.h"

#include <string.h>

#include "small/base64.h"
#include "small/sha2.h"

#define PEM_MAX_BYTES (64 * 1024)
#define BEGIN         "-----BEGIN CERTIFICATE-----"
#define END           "-----END CERTIFICATE-----"
#define SEQUENCE      0x30
#define OBJECT_ID     0x06

struct der {
    const unsigned char *at;
    size_t len;
};

// Takes one element with this tag off the front of *d.
static bool take(struct der *d, unsigned char tag, struct der *inside)
{
    size_t head = 2, len;

    if (d->len < 2 || d->at[0] != tag) {
        return false;
    }
    len = d->at[1];
    if (len >= 0x80) {
        size_t count = len & 0x7f;

        if (count == 0 || count > 3 || d->len < 2 + count) {
            return false;
        }
        len = 0;
        for (size_t i = 0; i < count; i++) {
            len = len << 8 | d->at[2 + i];
        }
        head += count;
    }
    if (len > d->len - head) {
        return false;
    }
    *inside = (struct der){d->at + head, len};
    d->at += head + len;
    d->len -= head + len;
    return true;
}

// Object identifiers of signatures, without the last byte, which is `last`.
static const struct {
    const char *prefix;
    size_t len;
    unsigned char last;
    int bits;
} signatures[] = {
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01", 8, 0x04, 256}, // RSA with MD5
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01", 8, 0x05, 256}, // RSA with SHA-1
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01", 8, 0x0b, 256},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01", 8, 0x0c, 384},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01", 8, 0x0d, 512},
    {"\x2a\x86\x48\xce\x3d\x04", 6, 0x01, 256}, // ECDSA with SHA-1
    {"\x2a\x86\x48\xce\x3d\x04\x03", 7, 0x02, 256},
    {"\x2a\x86\x48\xce\x3d\x04\x03", 7, 0x03, 384},
    {"\x2a\x86\x48\xce\x3d\x04\x03", 7, 0x04, 512},
};

static int bits_of(struct der id)
{
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        if (id.len == signatures[i].len + 1 && id.at[id.len - 1] == signatures[i].last &&
            memcmp(id.at, signatures[i].prefix, signatures[i].len) == 0) {
            return signatures[i].bits;
        }
    }
    return 0;
}

static bool bind_der(struct tk_buffer *out, struct der whole)
{
    struct der rest = whole, certificate, part, algorithm, id;
    unsigned char hash[TK_SHA2_MAX_BYTES];
    int bits;

    if (!take(&rest, SEQUENCE, &certificate) || rest.len != 0 ||
        !take(&certificate, SEQUENCE, &part) || !take(&certificate, SEQUENCE, &algorithm) ||
        !take(&algorithm, OBJECT_ID, &id)) {
        return false;
    }
    bits = bits_of(id);
    if (bits == 0) {
        return false;
    }
    tk_buffer_puts(out, "tls-server-end-point:");
    tk_buffer_add(out, (char *)hash, tk_sha2(bits, whole.at, whole.len, hash));
    return true;
}

bool tk_certificate_binding(struct tk_buffer *out, const char *pem)
{
    const char *begin = strlen(pem) <= PEM_MAX_BYTES ? strstr(pem, BEGIN) : NULL;
    const char *end = begin ? strstr(begin, END) : NULL;
    struct tk_buffer text = {0}, der = {0};
    bool good;

    if (!end) {
        return false;
    }
    for (const char *p = begin + strlen(BEGIN); p < end; p++) {
        if (!strchr(" \t\r\n", *p)) {
            tk_buffer_add(&text, p, 1);
        }
    }
    good = text.len > 0 && tk_base64_decode(&der, text.text, text.len) &&
           bind_der(out, (struct der){(const unsigned char *)der.text, der.len});
    tk_buffer_free(&text);
    tk_buffer_free(&der);
    return good;
}
