// The log and the secrets that must never be in it. Belongs to the loop's thread; back ends on the
// pool do not log, they return failures. Knows no Lua.
#ifndef TK_LOG_H
#define TK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "memory.h"

enum tk_log_level { TK_LOG_DEBUG, TK_LOG_INFO, TK_LOG_WARN, TK_LOG_ERROR };

struct tk_log_settings {
    enum tk_log_level level;
    bool json;   // JSON lines instead of human ones
    bool colour; // human lines only
    bool quiet;  // nothing on stderr
};

// The settings in force; change them in place.
struct tk_log_settings *tk_log_settings(void);
// Appends to this file from now on; NULL or "": to none. Code FS_FAILED.
int tk_log_file(const char *path, struct tk_failure *err);
void tk_log_close(void);

// A line: begin, any number of fields by the caller (a key, then its value), end. `line` is the
// caller's; it must be empty.
void tk_log_begin(struct tk_buffer *line, enum tk_log_level level, const char *message,
                  size_t message_len);
void tk_log_key(struct tk_buffer *line, const char *key, size_t key_len);
// A value's text, escaped for the format in force and redacted.
void tk_log_text(struct tk_buffer *line, const char *text, size_t len);
// A number or a boolean: without quotes, unless it is a secret.
void tk_log_plain(struct tk_buffer *line, const char *text);
void tk_log_end(struct tk_buffer *line);

// Keeps `text` out of everything that is redacted from now on, also in the forms in which it
// travels: JSON and XML escapes, percent-encoding, and base64 at any position (user:secret).
// Texts shorter than TK_SECRET_MIN bytes are not kept out: replacing them would only destroy the
// log.
#define TK_SECRET_MIN 4
void tk_secret_add(const char *text, size_t len);
// Appends `text` to `out` with every known secret replaced by "***". True when there was one.
bool tk_redact(struct tk_buffer *out, const char *text, size_t len);
void tk_secrets_forget(void);

#endif
