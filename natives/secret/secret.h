// Secrets by name: from the environment, else from a file that only its owner may read, encrypted
// where the system can (tk_platform_protection). Knows no Lua.
#ifndef TK_SECRET_H
#define TK_SECRET_H

#include <stdbool.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

// Letters, digits, '_', '.' and '-', not beginning with a dot: it becomes a file name.
bool tk_secret_name_valid(const char *name);
// `directory` NULL, here and below: "secrets" in the state directory. The secret is kept out of the
// log from then on. Codes SECRET_MISSING, SECRET_UNSAFE, SECRET_UNREADABLE, FS_FAILED.
int tk_secret_resolve(struct tk_buffer *out, const char *name, const char *directory,
                      struct tk_failure *err);

// The longest secret, in bytes.
#define TK_SECRET_MAX 4096
// NULL where the text can be a secret, else what is wrong with it; never a part of it.
const char *tk_secret_mistake(const char *text, size_t len);
// Writes the secret into its file, in place of an earlier one; there is always the old one or the
// new one. Makes the directory where there is none. The text must be without mistake; it is kept
// out of the log from then on. Codes SECRET_UNSAFE (the directory may be changed by others: nothing
// is written), SECRET_UNREADABLE, FS_FAILED.
int tk_secret_store(const char *name, const char *text, size_t len, const char *directory,
                    struct tk_failure *err);
// Removes the file. *changed: there was one.
int tk_secret_remove(bool *changed, const char *name, const char *directory,
                     struct tk_failure *err);

// Calls `add` for each file of a secret, then for each variable of the environment. kind: "file",
// "environment", or how it is encrypted ("dpapi"); problem: why it will be refused, NULL when
// nothing is wrong. The name of a variable is what follows TAKEOVER_SECRET_. Values are not looked
// at. No directory: no files.
typedef void (*tk_secret_add_entry)(void *self, const char *name, const char *kind,
                                    const char *problem);
int tk_secret_list(tk_secret_add_entry add, void *self, const char *directory,
                   struct tk_failure *err);
// Overwrites the bytes before it frees them.
void tk_secret_forget(struct tk_buffer *text);

#endif
