// See outside.h.
#include "outside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redact.h"

#define SPEC_MAX 24 // of one conversion in a format

size_t tk_utf8_decode(const char *s, size_t len, uint32_t *character)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t need = u[0] < 0x80   ? 1
                  : u[0] < 0xc2 ? 0
                  : u[0] < 0xe0 ? 2
                  : u[0] < 0xf0 ? 3
                  : u[0] < 0xf5 ? 4
                                : 0;
    uint32_t c;

    if (need == 0 || need > len) {
        return 0;
    }
    c = need == 1 ? u[0] : u[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (u[i] & 0x3f);
    }
    if ((need == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
        (need == 4 && (c < 0x10000 || c > 0x10ffff))) {
        return 0;
    }
    *character = c;
    return need;
}

bool tk_is_acting(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

// Length of one of the escape sequences that output.lua paints with ("\033[1m"), 0 for anything
// else.
static size_t colour_len(const char *text, size_t len)
{
    static const char *const colours[] = {"0m", "1m", "2m", "31m", "32m", "33m", "34m"};

    if (len < 4 || text[0] != '\033' || text[1] != '[') {
        return 0;
    }
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++) {
        size_t n = strlen(colours[i]);

        if (len >= 2 + n && memcmp(text + 2, colours[i], n) == 0) {
            return 2 + n;
        }
    }
    return 0;
}

static void add_escape(struct tk_buffer *out, uint32_t c)
{
    if (c == '\n' || c == '\r' || c == '\t') {
        tk_buffer_puts(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else {
        tk_buffer_printf(out, "\\u%04x", (unsigned)c);
    }
}

// Length of what stays as it is at `text`; 0 where it has to be escaped.
static size_t harmless_len(const char *text, size_t len, enum tk_escape how, uint32_t *c)
{
    size_t n = tk_utf8_decode(text, len, c);

    if (n > 0 && !tk_is_acting(*c)) {
        return n;
    }
    if (how == TK_ESCAPE_ALL || n == 0) {
        return 0;
    }
    if (*c == '\n' || *c == '\t' || (*c == '\r' && len > 1 && text[1] == '\n')) {
        return 1;
    }
    return how == TK_ESCAPE_SHOWN ? colour_len(text, len) : 0;
}

void tk_escape(struct tk_buffer *out, const char *text, size_t len, enum tk_escape how)
{
    size_t plain = 0; // from here on nothing is added yet

    for (size_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = harmless_len(text + i, len - i, how, &c);

        if (n > 0) {
            i += n;
            continue;
        }
        tk_buffer_add(out, text + plain, i - plain);
        n = tk_utf8_decode(text + i, len - i, &c);
        if (n == 0) {
            tk_buffer_puts(out, "\xef\xbf\xbd"); // U+FFFD
            n = 1;
        } else {
            add_escape(out, c);
        }
        i += n;
        plain = i;
    }
    tk_buffer_add(out, text + plain, len - plain);
}

// ---- formatting --------------------------------------------------------------------------------

struct target {
    char *out;
    size_t size, used; // used: without the zero byte
};

// The longest beginning of at most `most` bytes that ends between two characters.
static size_t cut(const char *text, size_t len, size_t most)
{
    size_t end = len < most ? len : most;

    while (end > 0 && end < len && ((unsigned char)text[end] & 0xc0) == 0x80) {
        end--;
    }
    return end;
}

static void add(struct target *t, const char *text, size_t len)
{
    len = cut(text, len, t->size - 1 - t->used);
    memcpy(t->out + t->used, text, len);
    t->used += len;
}

// precision < 0: all of it.
static void add_text(struct target *t, const char *text, int precision)
{
    struct tk_buffer clean = {0}, shown = {0};
    size_t most = precision < 0 ? SIZE_MAX : (size_t)precision;

    text = text ? text : "(null)";
    tk_redact(&clean, text, strlen(text));
    tk_escape(&shown, clean.text ? clean.text : "", clean.len, TK_ESCAPE_ALL);
    add(t, shown.text ? shown.text : "", cut(shown.text ? shown.text : "", shown.len, most));
    tk_buffer_free(&clean);
    tk_buffer_free(&shown);
}

#define SHOW(type)                                                                                 \
    (stars == 0   ? snprintf(text, sizeof text, spec, va_arg(*args, type))                         \
     : stars == 1 ? snprintf(text, sizeof text, spec, star[0], va_arg(*args, type))                \
                  : snprintf(text, sizeof text, spec, star[0], star[1], va_arg(*args, type)))

// A number, a pointer or a character, by the rules of C.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#endif
static void add_number(struct target *t, const char *spec, const int *star, int stars,
                       va_list *args)
{
    size_t len = strlen(spec);
    char kind = spec[len - 1], text[400];
    bool two = len > 2 && spec[len - 2] == spec[len - 3];

    if (strchr("aAeEfFgG", kind)) {
        SHOW(double);
    } else if (kind == 'p') {
        SHOW(void *);
    } else if (spec[len - 2] == 'l' && two) {
        SHOW(long long);
    } else if (spec[len - 2] == 'l') {
        SHOW(long);
    } else if (spec[len - 2] == 'z') {
        SHOW(size_t);
    } else {
        SHOW(int);
    }
    add(t, text, strlen(text));
}
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

// Copies the conversion that begins at `format` into `spec`; where it ends.
static const char *read_spec(const char *format, char spec[SPEC_MAX])
{
    size_t len = 1 + strspn(format + 1, "-+ #0123456789.*hlzjtI");

    if (len + 2 > SPEC_MAX || !format[len]) {
        spec[0] = '\0';
        return format + strlen(format);
    }
    memcpy(spec, format, len + 1);
    spec[len + 1] = '\0';
    return format + len + 1;
}

static int precision_of(const char *spec, const int *star, int stars)
{
    const char *point = strchr(spec, '.');

    if (!point) {
        return -1;
    }
    return point[1] == '*' ? star[stars - 1] : (int)strtol(point + 1, NULL, 10);
}

void tk_vformat(char *out, size_t size, const char *format, va_list given)
{
    struct target t = {out, size, 0};
    va_list args;

    va_copy(args, given);
    while (*format) {
        size_t plain = strcspn(format, "%");
        char spec[SPEC_MAX];
        int star[2] = {0}, stars = 0;

        add(&t, format, plain);
        format += plain;
        if (!*format) {
            break;
        }
        format = read_spec(format, spec);
        for (const char *p = strchr(spec, '*'); p && stars < 2; p = strchr(p + 1, '*')) {
            star[stars++] = va_arg(args, int);
        }
        if (spec[0] && spec[strlen(spec) - 1] == 's' && !strchr(spec, 'l')) {
            const char *text = va_arg(args, const char *);
            int precision = precision_of(spec, star, stars);
            char *part = precision >= 0 && strchr(spec, '*') && text
                             ? tk_strndup(text, strnlen(text, (size_t)precision))
                             : NULL; // the text need not end there

            add_text(&t, part ? part : text, precision);
            tk_free(part);
        } else if (spec[0] && spec[1] == '%') {
            add(&t, "%", 1);
        } else if (spec[0]) {
            add_number(&t, spec, star, stars, &args);
        }
    }
    va_end(args);
    out[t.used] = '\0';
}

void tk_format(char *out, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tk_vformat(out, size, format, args);
    va_end(args);
}
