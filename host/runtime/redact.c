// Known secrets and their removal from texts: see redact.h. Every form of every secret is searched
// for and the bytes that it covers are marked first, so that secrets which overlap vanish
// completely.
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "redact.h"

#define BASE64_MIN 6 // shorter pieces would hit by chance

static uv_once_t once = UV_ONCE_INIT;
static uv_rwlock_t lock; // of `known`: back ends say what went wrong on threads of the pool

static struct {
    struct tk_buffer *forms;
    size_t count;
} known;

static void init(void)
{
    uv_rwlock_init(&lock);
}

static void add_form(const char *text, size_t len)
{
    for (size_t i = 0; i < known.count; i++) {
        if (known.forms[i].len == len && memcmp(known.forms[i].text, text, len) == 0) {
            return;
        }
    }
    known.forms = tk_realloc(known.forms, (known.count + 1) * sizeof *known.forms);
    memset(&known.forms[known.count], 0, sizeof *known.forms);
    tk_buffer_add(&known.forms[known.count++], text, len);
}

// What stands for the secret in the base64 form of a longer text in which it begins at a position
// that leaves `before` bytes (0 to 2) in its group of three: only the characters that depend on
// nothing else.
static void add_base64(const char *secret, size_t len, size_t before, const char *last_two)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    struct tk_buffer form = {0};
    size_t first = (before * 8 + 5) / 6, end = (before + len) * 8 / 6;

    for (size_t i = first; i < end; i++) {
        unsigned value = 0;

        for (size_t bit = i * 6; bit < i * 6 + 6; bit++) {
            unsigned byte = (unsigned char)secret[bit / 8 - before];
            value = value << 1 | (byte >> (7 - bit % 8) & 1);
        }
        tk_buffer_add(&form, value < 62 ? &letters[value] : &last_two[value - 62], 1);
    }
    if (form.len >= BASE64_MIN) {
        add_form(form.text, form.len);
    }
    tk_buffer_free(&form);
}

static void add_json(const char *secret, size_t len, bool slashes)
{
    struct tk_buffer form = {0};

    for (size_t i = 0; i < len; i++) {
        char c = secret[i];

        if (c == '"' || c == '\\' || (slashes && c == '/')) {
            tk_buffer_printf(&form, "\\%c", c);
        } else if (c == '\n' || c == '\t' || c == '\r') {
            tk_buffer_puts(&form, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        } else if ((unsigned char)c < 0x20) {
            tk_buffer_printf(&form, "\\u%04x", (unsigned)c);
        } else {
            tk_buffer_add(&form, &c, 1);
        }
    }
    add_form(form.text, form.len);
    tk_buffer_free(&form);
}

static void add_xml(const char *secret, size_t len, bool quotes)
{
    struct tk_buffer form = {0};

    for (size_t i = 0; i < len; i++) {
        switch (secret[i]) {
        case '&':
            tk_buffer_puts(&form, "&amp;");
            break;
        case '<':
            tk_buffer_puts(&form, "&lt;");
            break;
        case '>':
            tk_buffer_puts(&form, "&gt;");
            break;
        case '"':
            tk_buffer_puts(&form, quotes ? "&quot;" : "\"");
            break;
        case '\'':
            tk_buffer_puts(&form, quotes ? "&apos;" : "'");
            break;
        default:
            tk_buffer_add(&form, &secret[i], 1);
        }
    }
    add_form(form.text, form.len);
    tk_buffer_free(&form);
}

static void add_percent(const char *secret, size_t len, bool upper)
{
    struct tk_buffer form = {0};

    for (size_t i = 0; i < len; i++) {
        char c = secret[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c != '\0' && strchr("-._~", c))) {
            tk_buffer_add(&form, &c, 1);
        } else {
            tk_buffer_printf(&form, upper ? "%%%02X" : "%%%02x", (unsigned)(unsigned char)c);
        }
    }
    add_form(form.text, form.len);
    tk_buffer_free(&form);
}

void tk_secret_add(const char *text, size_t len)
{
    if (len < TK_SECRET_MIN) {
        return;
    }
    uv_once(&once, init);
    uv_rwlock_wrlock(&lock);
    add_form(text, len);
    add_json(text, len, false);
    add_json(text, len, true);
    add_xml(text, len, false);
    add_xml(text, len, true);
    add_percent(text, len, true);
    add_percent(text, len, false);
    for (size_t before = 0; before < 3; before++) {
        add_base64(text, len, before, "+/");
        add_base64(text, len, before, "-_");
    }
    uv_rwlock_wrunlock(&lock);
}

void tk_secrets_forget(void)
{
    uv_once(&once, init);
    uv_rwlock_wrlock(&lock);
    for (size_t i = 0; i < known.count; i++) {
        tk_wipe(known.forms[i].text, known.forms[i].size);
        tk_buffer_free(&known.forms[i]);
    }
    tk_free(known.forms);
    memset(&known, 0, sizeof known);
    uv_rwlock_wrunlock(&lock);
}

// First place of `form` in the text at or after `from`; `len` when there is none.
static size_t find(const char *text, size_t len, size_t from, const struct tk_buffer *form)
{
    while (from + form->len <= len) {
        const char *p = memchr(text + from, form->text[0], len - from - form->len + 1);

        if (!p) {
            return len;
        }
        if (memcmp(p, form->text, form->len) == 0) {
            return (size_t)(p - text);
        }
        from = (size_t)(p - text) + 1;
    }
    return len;
}

bool tk_redact(struct tk_buffer *out, const char *text, size_t len)
{
    char *covered = NULL;

    uv_once(&once, init);
    uv_rwlock_rdlock(&lock);
    for (size_t i = 0; i < known.count; i++) {
        const struct tk_buffer *form = &known.forms[i];

        for (size_t at = find(text, len, 0, form); at < len; at = find(text, len, at + 1, form)) {
            if (!covered) {
                covered = tk_alloc(len);
            }
            memset(covered + at, 1, form->len);
        }
    }
    uv_rwlock_rdunlock(&lock);
    if (!covered) {
        tk_buffer_add(out, text, len);
        return false;
    }
    for (size_t i = 0; i < len;) {
        size_t end = i;

        while (end < len && covered[end] == covered[i]) {
            end++;
        }
        if (covered[i]) {
            tk_buffer_puts(out, "***");
        } else {
            tk_buffer_add(out, text + i, end - i);
        }
        i = end;
    }
    tk_free(covered);
    return true;
}
