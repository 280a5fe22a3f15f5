// Texts from outside (names, answers, arguments, files) in what we say. They never act: control
// characters, what talks to terminals, and marks that change the direction of writing are shown as
// escapes, secrets as ***. Any thread.
#ifndef TK_OUTSIDE_H
#define TK_OUTSIDE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "memory.h"

// Length of the valid UTF-8 sequence at `s` and its character; 0 when it is none.
size_t tk_utf8_decode(const char *s, size_t len, uint32_t *character);
// Whether it would break a line, talk to a terminal, or show the text in another order: C0, DEL,
// C1, line and paragraph separators, marks of direction (Unicode's bidirectional controls).
bool tk_is_acting(uint32_t character);

enum tk_escape {
    TK_ESCAPE_ALL,   // also line ends: what is one line stays one
    TK_ESCAPE_LINES, // line ends and tabs stay
    TK_ESCAPE_SHOWN, // and the colours that output.lua paints with
};
// Appends the text so that it does not act: \n, \t, \r, others as \u009b, which is good JSON, too;
// a byte that is no UTF-8 becomes U+FFFD.
void tk_escape(struct tk_buffer *out, const char *text, size_t len, enum tk_escape how);

// As vsnprintf, with every %s redacted and escaped, and cut (by its precision, and at the end of
// `out`) between two characters only.
void tk_vformat(char *out, size_t size, const char *format, va_list args);
void tk_format(char *out, size_t size, const char *format, ...) TK_PRINTF(3, 4);

#endif
