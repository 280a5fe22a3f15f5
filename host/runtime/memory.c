// See memory.h.
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_LIMITS 24 // as in lua/core/exit_codes.lua

// There is no way on without memory: what was begun is in the journal, and the next run resumes
// from what is true.
static void *checked(void *p)
{
    if (!p) {
        fputs("takeover: out of memory\n", stderr);
        _Exit(EXIT_LIMITS);
    }
    return p;
}

void *tk_alloc(size_t len_bytes)
{
    return checked(calloc(1, len_bytes ? len_bytes : 1));
}

void *tk_realloc(void *old, size_t len_bytes)
{
    return checked(realloc(old, len_bytes ? len_bytes : 1));
}

char *tk_strdup(const char *text)
{
    return text ? tk_strndup(text, strlen(text)) : NULL;
}

char *tk_strndup(const char *text, size_t len_bytes)
{
    char *copy = tk_alloc(len_bytes + 1);

    memcpy(copy, text, len_bytes);
    return copy;
}

static void add_formatted(struct tk_buffer *b, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0) {
        return;
    }
    tk_buffer_add(b, NULL, (size_t)len);
    vsnprintf(b->text + b->len - (size_t)len, (size_t)len + 1, format, args);
}

char *tk_sprintf(const char *format, ...)
{
    struct tk_buffer b = {0};
    va_list args;

    va_start(args, format);
    add_formatted(&b, format, args);
    va_end(args);
    return b.text ? b.text : tk_strdup("");
}

void tk_free(void *p)
{
    free(p);
}

void tk_wipe(void *p, size_t len_bytes)
{
    volatile char *bytes = p;

    for (size_t i = 0; p && i < len_bytes; i++) {
        bytes[i] = 0;
    }
}

void tk_free_secret(char *text)
{
    tk_wipe(text, text ? strlen(text) : 0);
    tk_free(text);
}

void tk_buffer_add(struct tk_buffer *b, const char *bytes, size_t len_bytes)
{
    size_t need = b->len + len_bytes + 1;

    if (need > b->size) {
        b->size = need < 256 ? 256 : need * 2;
        b->text = tk_realloc(b->text, b->size);
    }
    if (bytes) {
        memcpy(b->text + b->len, bytes, len_bytes);
    }
    b->len += len_bytes;
    b->text[b->len] = '\0';
}

void tk_buffer_puts(struct tk_buffer *b, const char *text)
{
    tk_buffer_add(b, text, strlen(text));
}

void tk_buffer_printf(struct tk_buffer *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_formatted(b, format, args);
    va_end(args);
}

void tk_buffer_free(struct tk_buffer *b)
{
    free(b->text);
    memset(b, 0, sizeof *b);
}
