// See process.h. One allocation holds a child's libuv handles and is freed when the last of them is
// closed. A child whose owner is gone is killed and still reaped, so that no zombie stays behind.
#include "process.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "platform/platform.h"
#include "runtime/memory.h"

#define CHUNK_BYTES 65536

struct stream {
    uv_pipe_t pipe;
    bool open; // the handle exists and is not closed
    bool reading;
    bool ended;
    struct tk_buffer text; // what was taken already stands before `start`
    size_t start;
};

struct tk_child {
    uv_process_t process;
    bool process_open;
    bool ended;
    bool abandoned; // the owner is gone
    int64_t code;
    int signal;
    uv_pipe_t input;
    bool input_open;
    uv_write_t write;
    char *input_text;
    struct stream streams[2];
    size_t max_output;
    bool discard_rest;
    int handles; // initialised and not yet closed
    void (*changed)(void *self);
    void *self;
    struct tk_child *next; // in `children`
};

// All that exist: at the end of the program libuv's handles are closed without our callbacks, and
// this is what still points to their memory.
static struct tk_child *children;
static char chunk[CHUNK_BYTES]; // every read's buffer: used at once, on the loop's thread

static void free_when_done(struct tk_child *child)
{
    struct tk_child **link = &children;

    if (!child->abandoned || child->handles > 0) {
        return;
    }
    while (*link != child) {
        link = &(*link)->next;
    }
    *link = child->next;
    for (int i = 0; i < 2; i++) {
        tk_buffer_free(&child->streams[i].text);
    }
    tk_free(child->input_text);
    tk_free(child);
}

static void on_closed(uv_handle_t *handle)
{
    struct tk_child *child = handle->data;

    child->handles--;
    free_when_done(child);
}

static void close_handle(uv_handle_t *handle, bool *open)
{
    if (*open) {
        *open = false;
        uv_close(handle, on_closed);
    }
}

static void report(struct tk_child *child)
{
    if (!child->abandoned) {
        child->changed(child->self);
    }
}

static void on_exit(uv_process_t *process, int64_t code, int signal)
{
    struct tk_child *child = process->data;

    child->ended = true;
    child->code = code;
    child->signal = signal;
    close_handle((uv_handle_t *)process, &child->process_open);
    report(child);
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(chunk, sizeof chunk);
}

static void on_read(uv_stream_t *pipe, ssize_t len, const uv_buf_t *buffer)
{
    struct tk_child *child = pipe->data;
    struct stream *s =
        (uv_pipe_t *)pipe == &child->streams[0].pipe ? &child->streams[0] : &child->streams[1];

    if (len > 0) {
        size_t held = s->text.len - s->start;
        size_t room = child->max_output > held ? child->max_output - held : 0;
        size_t kept = (size_t)len;

        if (child->discard_rest && kept > room) {
            kept = room;
        }
        tk_buffer_add(&s->text, buffer->base, kept);
        if (!child->discard_rest && s->text.len - s->start >= child->max_output) {
            uv_read_stop(pipe);
            s->reading = false;
        }
    } else if (len < 0) {
        s->ended = true;
        s->reading = false;
        close_handle((uv_handle_t *)pipe, &s->open);
    }
    report(child);
}

static void on_written(uv_write_t *write, int status)
{
    struct tk_child *child = write->data;

    (void)status; // a child that does not read its input is no fault
    close_handle((uv_handle_t *)&child->input, &child->input_open);
}

static int init_pipe(struct tk_child *child, uv_pipe_t *pipe, bool *open)
{
    int code = uv_pipe_init(uv_default_loop(), pipe, 0);

    if (code == 0) {
        pipe->data = child;
        *open = true;
        child->handles++;
    }
    return code;
}

static int prepare_streams(struct tk_child *child, const struct tk_child_options *options,
                           uv_stdio_container_t stdio[3])
{
    int code = 0;

    if (options->input) {
        code = init_pipe(child, &child->input, &child->input_open);
        stdio[0].flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_READABLE_PIPE);
        stdio[0].data.stream = (uv_stream_t *)&child->input;
    } else {
        stdio[0].flags = UV_IGNORE;
    }
    for (int i = 0; i < 2 && code == 0; i++) {
        struct stream *s = &child->streams[i];

        s->ended = options->streams[i] != TK_CHILD_PIPE;
        switch (options->streams[i]) {
        case TK_CHILD_INHERIT:
            stdio[i + 1].flags = UV_INHERIT_FD;
            stdio[i + 1].data.fd = i + 1;
            break;
        case TK_CHILD_DISCARD:
            stdio[i + 1].flags = UV_IGNORE;
            break;
        case TK_CHILD_PIPE:
            code = init_pipe(child, &s->pipe, &s->open);
            stdio[i + 1].flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
            stdio[i + 1].data.stream = (uv_stream_t *)&s->pipe;
            break;
        }
    }
    return code;
}

static bool is_directory(const char *path)
{
    uv_fs_t request;
    bool yes = uv_fs_stat(NULL, &request, path, NULL) == 0 &&
               (request.statbuf.st_mode & 0170000) == 0040000;

    uv_fs_req_cleanup(&request);
    return yes;
}

static int start_failed(const struct tk_child_options *options, int code, struct tk_failure *err)
{
    if (options->directory && !is_directory(options->directory)) {
        tk_fail(err, TK_PROCESS_FAILED,
                "cannot start \"%s\": there is no directory %s to start it in", options->args[0],
                options->directory);
    } else {
        tk_fail(err, TK_PROCESS_FAILED, "cannot start \"%s\": %s", options->args[0],
                uv_strerror(code));
        if (code == UV_ENOENT) {
            tk_fail_hint(err, "look whether the program is installed and in a directory of PATH");
        }
    }
    return tk_fail_target(err, options->args[0]);
}

static void begin_transfer(struct tk_child *child, const struct tk_child_options *options)
{
    for (int i = 0; i < 2; i++) {
        struct stream *s = &child->streams[i];

        if (s->open) {
            s->reading = uv_read_start((uv_stream_t *)&s->pipe, on_buffer, on_read) == 0;
            s->ended = !s->reading;
        }
    }
    if (options->input) {
        uv_buf_t buffer;

        child->input_text = tk_strndup(options->input, options->input_len);
        buffer = uv_buf_init(child->input_text, (unsigned)options->input_len);
        child->write.data = child;
        if (uv_write(&child->write, (uv_stream_t *)&child->input, &buffer, 1, on_written) != 0) {
            close_handle((uv_handle_t *)&child->input, &child->input_open);
        }
    }
}

int tk_child_start(struct tk_child **out, const struct tk_child_options *options,
                   struct tk_failure *err)
{
    uv_process_options_t process = {0};
    uv_stdio_container_t stdio[3];
    struct tk_child *child = tk_alloc(sizeof *child);
    int code;

    child->max_output = options->max_output;
    child->discard_rest = options->discard_rest;
    child->changed = options->changed;
    child->self = options->self;
    child->next = children;
    children = child;
    memset(stdio, 0, sizeof stdio);
    process.file = options->args[0];
    process.args = (char **)options->args;
    process.env = options->environment;
    process.cwd = options->directory;
    process.flags = UV_PROCESS_WINDOWS_HIDE;
    process.exit_cb = on_exit;
    process.stdio = stdio;
    process.stdio_count = 3;
    fflush(stdout); // what we printed comes before what the child prints
    code = prepare_streams(child, options, stdio);
    if (code == 0) {
        child->process.data = child;
        child->process_open = true;
        child->handles++; // also when uv_spawn fails, the handle has to be closed
        code = uv_spawn(uv_default_loop(), &child->process, &process);
    }
    if (code != 0) {
        child->ended = true;
        tk_child_close(child);
        return start_failed(options, code, err);
    }
    begin_transfer(child, options);
    *out = child;
    return 0;
}

void tk_child_close(struct tk_child *child)
{
    child->abandoned = true;
    close_handle((uv_handle_t *)&child->input, &child->input_open);
    for (int i = 0; i < 2; i++) {
        close_handle((uv_handle_t *)&child->streams[i].pipe, &child->streams[i].open);
    }
    if (!child->process_open) {
        free_when_done(child);
    } else if (child->ended) {
        close_handle((uv_handle_t *)&child->process, &child->process_open);
    } else { // on_exit closes it
        tk_child_kill(child, SIGKILL);
        uv_unref((uv_handle_t *)&child->process);
    }
}

int tk_child_pid(const struct tk_child *child)
{
    return child->process.pid;
}

bool tk_child_ended(const struct tk_child *child, int64_t *code, int *signal)
{
    if (child->ended) {
        *code = child->code;
        *signal = child->signal;
    }
    return child->ended;
}

void tk_child_kill(struct tk_child *child, int signal)
{
    struct tk_failure unused;
    int pid = child->process.pid;

    if (child->ended) {
        return;
    }
    // Not libuv's: on Windows that ends the child, whatever the signal.
    if (signal == SIGKILL ||
        tk_platform_signal_process(pid, tk_platform_process_start(pid), signal, &unused) < 0) {
        uv_process_kill(&child->process, signal);
    }
}

const char *tk_child_output(const struct tk_child *child, enum tk_child_which which, size_t *len)
{
    const struct stream *s = &child->streams[which];

    *len = s->text.len - s->start;
    return *len > 0 ? s->text.text + s->start : "";
}

bool tk_child_at_end(const struct tk_child *child, enum tk_child_which which)
{
    return child->streams[which].ended;
}

size_t tk_child_line(const struct tk_child *child, enum tk_child_which which)
{
    size_t len;
    const char *text = tk_child_output(child, which, &len);
    const char *newline = memchr(text, '\n', len);

    if (newline) {
        return (size_t)(newline - text) + 1;
    }
    return child->streams[which].ended || len >= child->max_output ? len : 0;
}

void tk_child_take(struct tk_child *child, enum tk_child_which which, size_t len)
{
    struct stream *s = &child->streams[which];

    s->start += len;
    if (s->start > s->text.len / 2) { // not at every line: that would copy the rest each time
        memmove(s->text.text, s->text.text + s->start, s->text.len - s->start);
        s->text.len -= s->start;
        s->start = 0;
    }
    if (!s->ended && !s->reading && s->text.len - s->start < child->max_output) {
        s->reading = uv_read_start((uv_stream_t *)&s->pipe, on_buffer, on_read) == 0;
    }
}

// ---- environment -------------------------------------------------------------------------------

// Passwords for us are not for every program that we start; one that needs them is told by name.
static bool is_secret(const char *name)
{
    for (const char *p = "TAKEOVER_SECRET_"; *p; p++, name++) {
        if ((*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name) != *p) {
            return false;
        }
    }
    return true;
}

char **tk_child_environment(const char *const *names, const char *const *values, size_t count)
{
    uv_env_item_t *inherited = NULL;
    int inherited_count = 0;
    size_t used = 0;
    char **list;

    if (uv_os_environ(&inherited, &inherited_count) != 0) {
        inherited_count = 0;
    }
    list = tk_alloc(((size_t)inherited_count + count + 1) * sizeof *list);
    for (int i = 0; i < inherited_count; i++) {
        size_t k = 0;

        while (k < count && strcmp(names[k], inherited[i].name) != 0) {
            k++;
        }
        if (k == count && !is_secret(inherited[i].name)) {
            list[used++] = tk_sprintf("%s=%s", inherited[i].name, inherited[i].value);
        }
    }
    for (size_t k = 0; k < count; k++) {
        if (values[k]) {
            list[used++] = tk_sprintf("%s=%s", names[k], values[k]);
        }
    }
    if (inherited) {
        uv_os_free_environ(inherited, inherited_count);
    }
    return list;
}

void tk_child_environment_free(char **environment)
{
    for (char **p = environment; p && *p; p++) {
        tk_free(*p);
    }
    tk_free(environment);
}
