// What the program writes to its standard output and error: in the code page that the reader
// expects, and, for a reader that keeps everything (the log of EXPRESSCLUSTER's scripts), no more
// than so many lines. Belongs to the loop's thread. Knows no Lua.
#ifndef TK_CONSOLE_H
#define TK_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

enum tk_stream { TK_STDOUT, TK_STDERR };

// Lines that are kept for what is written last, so that a run which says a lot still tells its
// result.
#define TK_CONSOLE_RESERVE 20
#define TK_CONSOLE_LEAST   (2 * TK_CONSOLE_RESERVE)

struct tk_console_settings {
    unsigned code_page[2]; // of each stream
    unsigned most;         // lines of both together; 0: no limit
};

// The settings in force; change them in place. Starts as UTF-8 without a limit.
struct tk_console_settings *tk_console_settings(void);

// Writes whole lines of UTF-8. `last`: what must not be left out, as the result of a run.
void tk_console_write(enum tk_stream stream, const char *text, size_t len, bool last);
// Lines left out so far.
unsigned tk_console_left_out(void);
// The first error (errno) in writing to standard output so far; 0 for none. Writes what is
// buffered.
int tk_console_lost(void);

#endif
