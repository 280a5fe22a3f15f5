// Local files: the few operations that steps and the program itself need. Each blocks for as long
// as the disk takes. Failures: FS_FAILED, FS_NOT_FOUND. Knows no Lua.
#ifndef TK_FS_H
#define TK_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

struct tk_fs_info {
    const char *kind; // "file", "directory" or "other"
    uint64_t size_bytes;
    double modified; // seconds since 1970
    uint64_t owner;
    unsigned mode; // permission bits
};

// A regular file; one longer than max_bytes is a failure, and so is what is no file: a pipe would
// keep us waiting for as long as its other end likes.
int tk_fs_read(struct tk_buffer *out, const char *path, uint64_t max_bytes, struct tk_failure *err);
// Writes beside it, syncs, renames, syncs the directory: there is always the old text or the new
// one.
int tk_fs_write(const char *path, const char *text, size_t len, unsigned mode,
                struct tk_failure *err);
int tk_fs_find(struct tk_fs_info *out, bool *found, const char *path, struct tk_failure *err);
// Calls `add` for every name, in the order of the directory.
int tk_fs_list(const char *directory, void (*add)(void *self, const char *name), void *self,
               struct tk_failure *err);
// With its parents. *changed: it was not there.
int tk_fs_make_directory(const char *path, bool *changed, struct tk_failure *err);
// A file or an empty directory. *changed: it was there.
int tk_fs_remove(const char *path, bool *changed, struct tk_failure *err);
// The directory that `path` is in, "." for a bare name. Caller frees.
char *tk_fs_directory(const char *path);

#endif
