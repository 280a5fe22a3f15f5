// Memory that cannot fail: where the machine has no memory left there is nothing sensible to go on
// with, so these end the program with a message. Everything from the network is bounded before it
// gets here.
#ifndef TK_MEMORY_H
#define TK_MEMORY_H

#include <stddef.h>

#include "failure.h"

void *tk_alloc(size_t len_bytes); // zeroed
void *tk_realloc(void *old, size_t len_bytes);
char *tk_strdup(const char *text); // NULL stays NULL
char *tk_strndup(const char *text, size_t len_bytes);
char *tk_sprintf(const char *format, ...) TK_PRINTF(1, 2);
void tk_free(void *p);
// Overwrites with zeros in a way that no compiler leaves out; NULL is harmless.
void tk_wipe(void *p, size_t len_bytes);
// Frees a text that may be a secret.
void tk_free_secret(char *text);

// A text that grows. Zero-initialise; `text` is always terminated once something was added.
struct tk_buffer {
    char *text;
    size_t len;
    size_t size;
};

void tk_buffer_add(struct tk_buffer *b, const char *bytes, size_t len_bytes);
void tk_buffer_puts(struct tk_buffer *b, const char *text);
void tk_buffer_printf(struct tk_buffer *b, const char *format, ...) TK_PRINTF(2, 3);
void tk_buffer_free(struct tk_buffer *b);

#endif
