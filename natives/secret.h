// Secrets by name: from the environment, else from a file that only its owner may read. Knows no
// Lua.
#ifndef TK_SECRET_H
#define TK_SECRET_H

#include <stdbool.h>

#include "failure.h"
#include "memory.h"

// Letters, digits, '_', '.' and '-', not beginning with a dot: it becomes a file name.
bool tk_secret_name_valid(const char *name);
// `directory` NULL: "secrets" in the state directory. The secret is kept out of the log from then
// on. Codes SECRET_MISSING, SECRET_UNSAFE, FS_FAILED.
int tk_secret_resolve(struct tk_buffer *out, const char *name, const char *directory,
                      struct tk_failure *err);

#endif
