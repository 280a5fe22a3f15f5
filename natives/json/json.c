// See json.h. Grammar: RFC 8259.
#include "json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    const char *text;
    size_t len;
    size_t i; // offset of the next byte to read
    struct tk_buffer *out;
    const char *why; // NULL while all is well
};

// '\0' at the end.
static char peek(const struct scan *s, size_t i)
{
    return i < s->len ? s->text[i] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blanks(const struct scan *s, size_t i)
{
    while (is_blank(peek(s, i))) {
        i++;
    }
    return i;
}

static size_t skip_digits(const struct scan *s, size_t i)
{
    while (is_digit(peek(s, i))) {
        i++;
    }
    return i;
}

static bool refuse(struct scan *s, size_t at, const char *why)
{
    s->i = at;
    s->why = why;
    return false;
}

// From s->i to `end`, as a marked string.
static bool add_marked(struct scan *s, size_t end, const char *text, size_t len)
{
    static const char quote_mark[] = {'"', TK_JSON_MARK};

    if (peek(s, skip_blanks(s, end)) == ':') {
        return refuse(s, s->i, "a key must be a string");
    }
    tk_buffer_add(s->out, quote_mark, sizeof quote_mark);
    tk_buffer_add(s->out, text, len);
    tk_buffer_add(s->out, "\"", 1);
    s->i = end;
    return true;
}

static bool scan_number(struct scan *s)
{
    static const char invalid[] = "invalid number";
    size_t start = s->i, end = start + (peek(s, start) == '-' ? 1 : 0), digits = end;
    bool whole = true;
    char next;

    end = skip_digits(s, digits);
    if (end == digits || (peek(s, digits) == '0' && end > digits + 1)) {
        return refuse(s, start, invalid);
    }
    if (peek(s, end) == '.') {
        whole = false;
        digits = end + 1;
        end = skip_digits(s, digits);
        if (end == digits) {
            return refuse(s, start, invalid);
        }
    }
    if (peek(s, end) == 'e' || peek(s, end) == 'E') {
        whole = false;
        digits = end + 1;
        if (peek(s, digits) == '+' || peek(s, digits) == '-') {
            digits++;
        }
        end = skip_digits(s, digits);
        if (end == digits) {
            return refuse(s, start, invalid);
        }
    }
    next = peek(s, end);
    if (end < s->len && !is_blank(next) && !strchr(",]}:", next)) {
        return refuse(s, start, invalid);
    }
    if (whole) {
        return add_marked(s, end, s->text + start, end - start);
    }
    tk_buffer_add(s->out, s->text + start, end - start);
    s->i = end;
    return true;
}

static bool scan_string(struct scan *s)
{
    size_t end = s->i + 1;

    while (peek(s, end) != '"') {
        if (end >= s->len) {
            return refuse(s, s->i, "unterminated string");
        }
        if ((unsigned char)s->text[end] < ' ') {
            return refuse(s, end, "control character in a string");
        }
        if (s->text[end] == TK_JSON_MARK) {
            return refuse(s, end, "a byte that is not UTF-8");
        }
        if (s->text[end] == '\\' && (unsigned char)peek(s, end + 1) >= ' ') {
            end++; // so that an escaped quote does not end the string
        }
        end++;
    }
    tk_buffer_add(s->out, s->text + s->i, end + 1 - s->i);
    s->i = end + 1;
    return true;
}

static bool scan_next(struct scan *s)
{
    char c = s->text[s->i];

    if (c == '"') {
        return scan_string(s);
    }
    if (c == '-' || is_digit(c)) {
        return scan_number(s);
    }
    if (c == '[') {
        size_t next = skip_blanks(s, s->i + 1);

        if (peek(s, next) == ']') {
            return add_marked(s, next + 1, "[]", 2);
        }
    }
    if (c == '\0') { // where lua-cjson would see the end
        return refuse(s, s->i, "a NUL byte");
    }
    tk_buffer_add(s->out, &c, 1);
    s->i++;
    return true;
}

bool tk_json_mark(const char *text, size_t len, struct tk_buffer *out, size_t *at, const char **why)
{
    struct scan s = {.text = text, .len = len, .out = out};

    while (s.i < s.len && scan_next(&s)) {
    }
    *at = s.i;
    *why = s.why;
    return s.why == NULL;
}

size_t tk_json_unmarked(const char *text, size_t len, size_t marked)
{
    struct tk_buffer out = {0};
    struct scan s = {.text = text, .len = len, .out = &out};
    size_t at = 0;

    while (s.i < s.len && out.len <= marked) {
        at = s.i;
        if (!scan_next(&s)) {
            break;
        }
    }
    if (out.len <= marked) {
        at = s.i; // the end
    }
    tk_buffer_free(&out);
    return at;
}

// Length of the UTF-8 sequence at `p`, 0 when it is none.
static size_t utf8_len(const unsigned char *p, size_t left)
{
    size_t len = p[0] < 0x80       ? 1
                 : p[0] >> 5 == 6  ? 2
                 : p[0] >> 4 == 14 ? 3
                 : p[0] >> 3 == 30 ? 4
                                   : 0;
    uint32_t code = p[0] & (0xffu >> (len + 1));

    if (len == 0 || len > left) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3f);
    }
    if ((len == 2 && code < 0x80) || (len == 3 && code < 0x800) || (len == 4 && code < 0x10000) ||
        code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        return 0;
    }
    return len;
}

static void add_escaped(struct tk_buffer *out, char c)
{
    static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *found = strchr(special, c);

    if (c != '\0' && found) {
        char pair[2] = {'\\', letter[found - special]};

        tk_buffer_add(out, pair, sizeof pair);
    } else {
        tk_buffer_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

// Bytes from `i` that can stay as they are.
static size_t plain_run(const char *text, size_t len, size_t i)
{
    size_t end = i, step = 1;

    while (end < len && step > 0) {
        unsigned char c = (unsigned char)text[end];

        step = c < ' ' || c == '"' || c == '\\'
                   ? 0
                   : utf8_len((const unsigned char *)text + end, len - end);
        end += step;
    }
    return end - i;
}

void tk_json_add_string(struct tk_buffer *out, const char *text, size_t len)
{
    size_t i = 0;

    tk_buffer_add(out, "\"", 1);
    while (i < len) {
        size_t run = plain_run(text, len, i);

        tk_buffer_add(out, text + i, run);
        i += run;
        if (i < len && (unsigned char)text[i] >= 0x80) {
            tk_buffer_puts(out, "\\ufffd");
            i++;
        } else if (i < len) {
            add_escaped(out, text[i++]);
        }
    }
    tk_buffer_add(out, "\"", 1);
}

void tk_json_add_double(struct tk_buffer *out, double number)
{
    char digits[40];

    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (strtod(digits, NULL) == number) {
            break;
        }
    }
    tk_buffer_puts(out, digits);
    if (!strpbrk(digits, ".e")) {
        tk_buffer_puts(out, ".0");
    }
}
