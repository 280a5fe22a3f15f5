// See platform.h: code pages on Linux and its relatives, by the C library's converter. They matter
// where files for Windows are written, and to specs.
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#include "platform.h"

#define REPLACEMENT "\xef\xbf\xbd" // U+FFFD

// A converter between a code page and UTF-8; (iconv_t)-1 where the library does not know it.
static iconv_t open_converter(unsigned code_page, bool to_utf8)
{
    char name[16];

    if (code_page == TK_CODE_PAGE_SYSTEM || code_page == TK_CODE_PAGE_UTF8) {
        return iconv_open("UTF-8", "UTF-8"); // mends what is not valid
    }
    snprintf(name, sizeof name, "CP%u", code_page);
    return to_utf8 ? iconv_open("UTF-8", name) : iconv_open(name, "UTF-8");
}

bool tk_platform_code_page_known(unsigned code_page)
{
    iconv_t converter = open_converter(code_page, false);

    if (converter == (iconv_t)-1) {
        return false;
    }
    iconv_close(converter);
    return true;
}

// Bytes that belong to the character which could not be converted: the rest of its UTF-8 sequence.
static size_t bad_length(const char *in, size_t left, bool utf8)
{
    size_t len = 1;

    while (utf8 && len < left && ((unsigned char)in[len] & 0xc0) == 0x80) {
        len++;
    }
    return len;
}

static void convert(struct tk_buffer *out, iconv_t converter, const char *text, size_t len,
                    bool from_utf8, const char *instead)
{
    char *in = (char *)text;
    size_t left = len;

    while (left > 0) {
        char chunk[256];
        char *to = chunk;
        size_t room = sizeof chunk;
        size_t result = iconv(converter, &in, &left, &to, &room);

        tk_buffer_add(out, chunk, (size_t)(to - chunk));
        if (result == (size_t)-1 && errno != E2BIG) {
            size_t bad = bad_length(in, left, from_utf8);

            tk_buffer_puts(out, instead);
            in += bad;
            left -= bad;
            iconv(converter, NULL, NULL, NULL, NULL);
        }
    }
}

void tk_platform_encode(struct tk_buffer *out, const char *text, size_t len, unsigned code_page)
{
    iconv_t converter = open_converter(code_page, false);

    if (converter == (iconv_t)-1) {
        tk_buffer_add(out, text, len);
        return;
    }
    convert(out, converter, text, len, true, "?");
    iconv_close(converter);
}

void tk_platform_decode(struct tk_buffer *out, const char *text, size_t len, unsigned code_page)
{
    iconv_t converter = open_converter(code_page, true);

    if (converter == (iconv_t)-1) {
        tk_buffer_add(out, text, len);
        return;
    }
    convert(out, converter, text, len,
            code_page == TK_CODE_PAGE_SYSTEM || code_page == TK_CODE_PAGE_UTF8, REPLACEMENT);
    iconv_close(converter);
}
