// The parts of JSON that lua-cjson gets wrong for us, in plain C: whole numbers on the way in, text
// on the way out. json_lua.c is the rest. Knows no Lua.
#ifndef TK_JSON_H
#define TK_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/memory.h"

// lua-cjson makes every number a double and cannot tell [] from {}. So before it reads a text,
// whole numbers and empty lists become strings that begin with this byte: 4093 -> "\xff4093",
// [] -> "\xff[]". No other string can, because the byte never occurs in UTF-8.
#define TK_JSON_MARK '\xff'

// Writes the marked text to *out (which the caller frees). False when a number or string is not
// JSON: then *at is the offset and *why the reason. The rest of the grammar is lua-cjson's to
// check.
bool tk_json_mark(const char *text, size_t len, struct tk_buffer *out, size_t *at,
                  const char **why);
// Offset in `text` of what stands at offset `marked` of the marked text.
size_t tk_json_unmarked(const char *text, size_t len, size_t marked);

// Adds a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void tk_json_add_string(struct tk_buffer *out, const char *text, size_t len);
// Adds the shortest decimal number that reads back as the same double; always with a point or an
// exponent. `number` is finite.
void tk_json_add_double(struct tk_buffer *out, double number);

#endif
