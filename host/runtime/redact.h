// Secrets that have become known, and their removal from texts. Any thread.
#ifndef TK_REDACT_H
#define TK_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "memory.h"

// Keeps `text` out of everything that is redacted from now on, also in the forms in which it
// travels: JSON and XML escapes, percent-encoding, and base64 at any position (user:secret).
// Texts shorter than TK_SECRET_MIN bytes are not kept out: replacing them would only destroy the
// log.
#define TK_SECRET_MIN 4
void tk_secret_add(const char *text, size_t len);
// Appends `text` to `out` with every known secret replaced by "***". True when there was one.
// Whoever cuts a text redacts it first: a part of a secret is not found any more.
bool tk_redact(struct tk_buffer *out, const char *text, size_t len);
void tk_secrets_forget(void);

#endif
