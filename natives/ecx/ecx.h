// What EXPRESSCLUSTER tells: the variables that it gives to scripts, and the text of clpstat. Knows
// no Lua.
#ifndef TK_ECX_H
#define TK_ECX_H

#include <stdbool.h>
#include <stddef.h>

struct tk_ecx_variable {
    const char *field;    // its name for scripts
    const char *names[2]; // of the environment variable; the first that is set counts
    bool word;            // one of a list of words in capitals: given in lower case
};

// Ends with a NULL field. Sources: docs/facts/ecx-eem.md#1.1 (public scripts of the EXPRESSCLUSTER
// projects).
extern const struct tk_ecx_variable tk_ecx_variables[];

struct tk_ecx_entry { // a server, or a group with the server it runs on
    char *name;
    char *state;  // lower case, "" where none was told
    char *server; // NULL where it runs nowhere or cannot be told
    bool is_group;
};

struct tk_ecx_status {
    struct tk_ecx_entry *entries;
    size_t count;
};

// Reads as much as it understands: lines that look different are passed over. Never fails.
void tk_ecx_status_parse(struct tk_ecx_status *out, const char *text);
void tk_ecx_status_free(struct tk_ecx_status *status);

#endif
