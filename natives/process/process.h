// Child processes on libuv's loop, without a shell. All functions belong to the loop's thread and
// none waits: `changed` tells that there is something new to look at. Knows no Lua.
#ifndef TK_PROCESS_H
#define TK_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/failure.h"

enum tk_child_stream { TK_CHILD_INHERIT, TK_CHILD_DISCARD, TK_CHILD_PIPE };
enum tk_child_which { TK_CHILD_STDOUT, TK_CHILD_STDERR };

struct tk_child_options {
    const char *const *args; // program and arguments, NULL at the end
    char **environment;      // complete list of NAME=value (tk_child_environment)
    const char *directory;   // NULL: the inherited one
    enum tk_child_stream streams[2];
    const char *input; // copied; NULL: the child reads end of file at once
    size_t input_len;
    size_t max_output; // bytes kept of each stream
    bool discard_rest; // beyond max_output: read and thrown away; else not read until there is room
    void (*changed)(void *self);
    void *self;
};

struct tk_child;

// Code PROCESS_FAILED, naming the program and the reason.
int tk_child_start(struct tk_child **out, const struct tk_child_options *options,
                   struct tk_failure *err);
// Kills the child if it still runs and frees everything as soon as libuv allows; `changed` is not
// called any more.
void tk_child_close(struct tk_child *child);

int tk_child_pid(const struct tk_child *child);
// True once the child has ended; then *code is its exit code and *signal the signal that ended it
// (0: none).
bool tk_child_ended(const struct tk_child *child, int64_t *code, int *signal);
// Does nothing once the child has ended, because its number may belong to another process by then.
void tk_child_kill(struct tk_child *child, int signal);

// What has been read and not been taken yet.
const char *tk_child_output(const struct tk_child *child, enum tk_child_which which, size_t *len);
// True when nothing more comes on this stream.
bool tk_child_at_end(const struct tk_child *child, enum tk_child_which which);
// Length of the next line with its newline: a whole one, what is left at the end, or a full buffer;
// 0 when there is none (yet).
size_t tk_child_line(const struct tk_child *child, enum tk_child_which which);
void tk_child_take(struct tk_child *child, enum tk_child_which which, size_t len);

// The inherited environment without our secrets, with `count` changes; a NULL value removes the
// name. Freed by the
// caller.
char **tk_child_environment(const char *const *names, const char *const *values, size_t count);
void tk_child_environment_free(char **environment);

#endif
