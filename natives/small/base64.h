// Base64 (RFC 4648, 4), as tokens stand in HTTP headers.
#ifndef TK_BASE64_H
#define TK_BASE64_H

#include "runtime/memory.h"

void tk_base64_encode(struct tk_buffer *out, const char *bytes, size_t len);
// Appends; false on anything that is not exactly base64.
bool tk_base64_decode(struct tk_buffer *out, const char *text, size_t len);

#endif
