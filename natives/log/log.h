// The log and the secrets that must never be in it. Belongs to the loop's thread; back ends on the
// pool do not log, they return failures. Knows no Lua.
#ifndef TK_LOG_H
#define TK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

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

#endif
