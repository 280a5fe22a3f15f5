// See console.h.
#include "console.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "platform.h"
#include "runtime/memory.h"
#include "runtime/outside.h"

#define LINE_MAX_BYTES 1000 // of a line, where lines are counted

static struct tk_console_settings settings = {.code_page = {TK_CODE_PAGE_UTF8, TK_CODE_PAGE_UTF8}};
static unsigned written, left_out;
static int lost;      // errno of the first write to standard output that failed
static unsigned told; // lines left out that a line has told of

struct tk_console_settings *tk_console_settings(void)
{
    return &settings;
}

unsigned tk_console_left_out(void)
{
    return left_out;
}

static void flush(enum tk_stream stream, bool complete)
{
    if ((fflush(stream == TK_STDOUT ? stdout : stderr) != 0 || !complete) && stream == TK_STDOUT &&
        lost == 0) {
        lost = errno ? errno : EIO;
    }
}

int tk_console_lost(void)
{
    flush(TK_STDOUT, !ferror(stdout));
    return lost;
}

static void put(enum tk_stream stream, const char *text, size_t len)
{
    FILE *file = stream == TK_STDOUT ? stdout : stderr;
    unsigned code_page = settings.code_page[stream];
    struct tk_buffer shown = {0};
    bool complete;

    tk_escape(&shown, text, len, TK_ESCAPE_SHOWN);
    text = shown.text ? shown.text : "";
    len = shown.len;
    errno = 0;
    if (code_page == TK_CODE_PAGE_UTF8) {
        complete = fwrite(text, 1, len, file) == len;
    } else {
        struct tk_buffer encoded = {0};

        tk_platform_encode(&encoded, text, len, code_page);
        complete = fwrite(encoded.text ? encoded.text : "", 1, encoded.len, file) == encoded.len;
        tk_buffer_free(&encoded);
    }
    flush(stream, complete);
    tk_buffer_free(&shown);
}

// Tells of the lines that are missing before the next one that is not.
static void tell(enum tk_stream stream)
{
    if (left_out > told) {
        char line[120];
        int len =
            snprintf(line, sizeof line, "(%u lines more are left out here; the journal has all)\n",
                     left_out - told);

        told = left_out;
        written++;
        put(stream, line, (size_t)len);
    }
}

static void put_line(enum tk_stream stream, const char *text, size_t len, bool last)
{
    unsigned most = last ? settings.most : settings.most - TK_CONSOLE_RESERVE;
    unsigned needed = left_out > told ? 2 : 1;
    size_t shown = len;

    if (written + needed > most) {
        left_out++;
        return;
    }
    tell(stream);
    written++;
    if (len > LINE_MAX_BYTES) {
        shown = LINE_MAX_BYTES;
        while (shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80) {
            shown--; // not in the middle of a character
        }
    }
    put(stream, text, shown);
    if (shown < len) {
        put(stream, "...\n", 4);
    }
}

void tk_console_write(enum tk_stream stream, const char *text, size_t len, bool last)
{
    if (settings.most == 0) {
        put(stream, text, len);
        return;
    }
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t line = end ? (size_t)(end - text) + 1 : len;

        put_line(stream, text, line, last);
        text += line;
        len -= line;
    }
}
