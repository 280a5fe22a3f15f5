// See log.h. One event is one line and one write, so that lines of several processes do not mix.
#include "log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "platform/console.h"
#include "platform/platform.h"
#include "runtime/outside.h"
#include "runtime/redact.h"

#define TEXT_MAX 16384 // bytes of one message or value; the rest is counted only

static struct tk_log_settings settings = {.level = TK_LOG_INFO};
static uv_file file = -1;
static bool file_failed; // said once

static const char *const level_words[] = {"debug", "info", "warn", "error"};
static const char *const level_columns[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
static const char *const level_colours[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m"};

struct tk_log_settings *tk_log_settings(void)
{
    return &settings;
}

void tk_log_close(void)
{
    uv_fs_t request;

    if (file >= 0) {
        uv_fs_close(NULL, &request, file, NULL);
        uv_fs_req_cleanup(&request);
        file = -1;
    }
}

int tk_log_file(const char *path, struct tk_failure *err)
{
    uv_fs_t request;
    int code;

    if (!path || !*path) {
        tk_log_close();
        return 0;
    }
    code = uv_fs_open(NULL, &request, path,
                      UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_APPEND | UV_FS_O_NONBLOCK, 0640,
                      NULL); // a pipe that nobody reads must not keep us
    uv_fs_req_cleanup(&request);
    if (code < 0) {
        tk_fail(err, TK_FS_FAILED, "the log file %s cannot be opened: %s", path, uv_strerror(code));
        return tk_fail_target(err, path);
    }
    tk_log_close();
    file = code;
    file_failed = false;
    return 0;
}

static void add_control(struct tk_buffer *line, uint32_t c)
{
    if (c == '\n' || c == '\r' || c == '\t') {
        tk_buffer_puts(line, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else if (settings.json) {
        tk_buffer_printf(line, "\\u%04x", (unsigned)c);
    } else {
        tk_buffer_printf(line, "\\u{%x}", (unsigned)c);
    }
}

static void add_escaped(struct tk_buffer *line, const char *text, size_t len, bool quoted)
{
    struct tk_buffer clean = {0};

    tk_redact(&clean, text, len);
    for (size_t i = 0; i < clean.len;) {
        uint32_t c = 0;
        size_t n = tk_utf8_decode(clean.text + i, clean.len - i, &c);

        if (i >= TEXT_MAX) {
            tk_buffer_printf(line, "... (%zu bytes more)", clean.len - i);
            break;
        }
        if (n == 0) {
            tk_buffer_puts(line, "\xef\xbf\xbd"); // U+FFFD
            n = 1;
        } else if (tk_is_acting(c)) {
            add_control(line, c);
        } else {
            if (quoted && (c == '"' || c == '\\')) {
                tk_buffer_puts(line, "\\");
            }
            tk_buffer_add(line, clean.text + i, n);
        }
        i += n;
    }
    tk_buffer_free(&clean);
}

static void add_json_text(struct tk_buffer *line, const char *text, size_t len)
{
    tk_buffer_puts(line, "\"");
    add_escaped(line, text, len, true);
    tk_buffer_puts(line, "\"");
}

// The local time; the date and the zone in JSON lines only.
static void add_time(struct tk_buffer *line)
{
    uv_timeval64_t now;
    struct tm local;
    int offset;
    char text[64];

    uv_gettimeofday(&now);
    tk_platform_local_time(now.tv_sec, &local, &offset);
    strftime(text, sizeof text, settings.json ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &local);
    tk_buffer_printf(line, "%s.%03d", text, (int)(now.tv_usec / 1000));
    if (settings.json) {
        tk_buffer_printf(line, "%c%02d:%02d", offset < 0 ? '-' : '+',
                         (offset < 0 ? -offset : offset) / 60,
                         (offset < 0 ? -offset : offset) % 60);
    }
}

void tk_log_begin(struct tk_buffer *line, enum tk_log_level level, const char *message,
                  size_t message_len)
{
    if (settings.json) {
        tk_buffer_puts(line, "{\"time\":\"");
        add_time(line);
        tk_buffer_printf(line, "\",\"level\":\"%s\",\"message\":", level_words[level]);
        add_json_text(line, message, message_len);
        return;
    }
    add_time(line);
    if (settings.colour) {
        tk_buffer_printf(line, " %s%s\033[0m ", level_colours[level], level_columns[level]);
    } else {
        tk_buffer_printf(line, " %s ", level_columns[level]);
    }
    add_escaped(line, message, message_len, false);
    tk_buffer_puts(line, " "); // fields stand two blanks away; cut off where there are none
}

static bool is_taken(const char *key, size_t len)
{
    static const char *const taken[] = {"time", "level", "message"};

    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (len == strlen(taken[i]) && memcmp(key, taken[i], len) == 0) {
            return true;
        }
    }
    return false;
}

void tk_log_key(struct tk_buffer *line, const char *key, size_t key_len)
{
    if (!settings.json) {
        tk_buffer_puts(line, " ");
        add_escaped(line, key, key_len, false);
        tk_buffer_puts(line, "=");
        return;
    }
    tk_buffer_puts(line, ",");
    if (is_taken(key, key_len)) {
        struct tk_buffer longer = {0};

        tk_buffer_add(&longer, key, key_len);
        tk_buffer_puts(&longer, "_");
        add_json_text(line, longer.text, longer.len);
        tk_buffer_free(&longer);
    } else {
        add_json_text(line, key, key_len);
    }
    tk_buffer_puts(line, ":");
}

void tk_log_text(struct tk_buffer *line, const char *text, size_t len)
{
    bool quoted = settings.json || len == 0;

    for (size_t i = 0; i < len && !quoted; i++) {
        quoted = (unsigned char)text[i] <= ' ' || strchr("\"=\\{},", text[i]) != NULL;
    }
    if (quoted) {
        add_json_text(line, text, len);
    } else {
        add_escaped(line, text, len, false);
    }
}

void tk_log_plain(struct tk_buffer *line, const char *text)
{
    struct tk_buffer clean = {0};

    if (tk_redact(&clean, text, strlen(text))) {
        tk_log_text(line, text, strlen(text));
    } else {
        tk_buffer_puts(line, text);
    }
    tk_buffer_free(&clean);
}

static void write_file(const struct tk_buffer *line)
{
    uv_buf_t buffer = uv_buf_init(line->text, (unsigned)line->len);
    uv_fs_t request;
    int written = uv_fs_write(NULL, &request, file, &buffer, 1, -1, NULL);

    uv_fs_req_cleanup(&request);
    if (written != (int)line->len && !file_failed) {
        file_failed = true;
        fprintf(stderr, "takeover: the log file cannot be written: %s\n",
                written < 0 ? uv_strerror(written) : "only a part of a line was taken");
    }
}

void tk_log_end(struct tk_buffer *line)
{
    if (settings.json) {
        tk_buffer_puts(line, "}");
    } else if (line->text[line->len - 1] == ' ') {
        line->len--;
    }
    tk_buffer_puts(line, "\n");
    if (file >= 0) {
        write_file(line);
    }
    if (!settings.quiet) {
        tk_console_write(TK_STDERR, line->text, line->len, false);
    }
}
