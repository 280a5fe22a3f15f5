// See fs.h. libuv's file functions without a loop, which are the same on every system.
#include "fs.h"

#include <string.h>
#include <uv.h>

#include "platform/platform.h"

#define CHUNK_BYTES 65536
#define KIND_BITS   0170000
#define DIRECTORY   0040000
#define REGULAR     0100000

static int failed(struct tk_failure *err, int code, const char *path, const char *what)
{
    tk_fail(err, code == UV_ENOENT || code == UV_ENOTDIR ? TK_FS_NOT_FOUND : TK_FS_FAILED,
            "%s cannot be %s: %s", path, what, uv_strerror(code));
    if (code == UV_ENOSPC) {
        tk_fail_hint(err, "make room on the disk");
    }
    return tk_fail_target(err, path);
}

static bool is_separator(char c)
{
    return c == '/' || c == TK_OTHER_SEPARATOR;
}

char *tk_fs_directory(const char *path)
{
    size_t len = strlen(path);

    while (len > 1 && is_separator(path[len - 1])) {
        len--;
    }
    while (len > 0 && !is_separator(path[len - 1])) {
        len--;
    }
    while (len > 1 && is_separator(path[len - 1])) {
        len--;
    }
    return len > 0 ? tk_strndup(path, len) : tk_strdup(".");
}

static int open_file(const char *path, int flags, int mode)
{
    uv_fs_t request;
    int fd = uv_fs_open(NULL, &request, path, flags, mode, NULL);

    uv_fs_req_cleanup(&request);
    return fd;
}

static int close_file(uv_file fd)
{
    uv_fs_t request;
    int code = uv_fs_close(NULL, &request, fd, NULL);

    uv_fs_req_cleanup(&request);
    return code;
}

static int stat_file(const char *path, uv_stat_t *out)
{
    uv_fs_t request;
    int code = uv_fs_stat(NULL, &request, path, NULL);

    *out = request.statbuf;
    uv_fs_req_cleanup(&request);
    return code;
}

// 0 for a regular file.
static int look_at(uv_file fd, const char *path, struct tk_failure *err)
{
    uv_fs_t request;
    int code = uv_fs_fstat(NULL, &request, fd, NULL);
    bool regular = (request.statbuf.st_mode & KIND_BITS) == REGULAR;

    uv_fs_req_cleanup(&request);
    if (code < 0) {
        return failed(err, code, path, "read");
    }
    if (!regular) {
        tk_fail(err, TK_FS_FAILED, "%s cannot be read: it is no regular file", path);
        return tk_fail_target(err, path);
    }
    return 0;
}

int tk_fs_read(struct tk_buffer *out, const char *path, uint64_t max_bytes, struct tk_failure *err)
{
    char chunk[CHUNK_BYTES];
    int fd = open_file(path, UV_FS_O_RDONLY | UV_FS_O_NONBLOCK, 0); // a pipe opens at once
    int code = fd;

    if (fd < 0) {
        return failed(err, fd, path, "read");
    }
    if (look_at(fd, path, err) != 0) {
        close_file(fd);
        return -1;
    }
    while (code >= 0) {
        uv_buf_t buffer = uv_buf_init(chunk, sizeof chunk);
        uv_fs_t request;

        code = uv_fs_read(NULL, &request, fd, &buffer, 1, -1, NULL);
        uv_fs_req_cleanup(&request);
        if (code <= 0) {
            break;
        }
        if (out->len + (uint64_t)code > max_bytes) {
            tk_fail(err, TK_FS_FAILED, "%s is longer than %llu bytes", path,
                    (unsigned long long)max_bytes);
            tk_fail_target(err, path);
            close_file(fd);
            return -1;
        }
        tk_buffer_add(out, chunk, (size_t)code);
    }
    close_file(fd);
    return code < 0 ? failed(err, code, path, "read") : 0;
}

static int write_all(uv_file fd, const char *text, size_t len)
{
    while (len > 0) {
        uv_buf_t buffer = uv_buf_init((char *)text, len < (1u << 30) ? (unsigned)len : 1u << 30);
        uv_fs_t request;
        int written = uv_fs_write(NULL, &request, fd, &buffer, 1, -1, NULL);

        uv_fs_req_cleanup(&request);
        if (written < 0) {
            return written;
        }
        text += written;
        len -= (size_t)written;
    }
    return 0;
}

int tk_fs_write(const char *path, const char *text, size_t len, unsigned mode,
                struct tk_failure *err)
{
    static unsigned counter;
    char *beside = tk_sprintf("%s.%d-%u.tmp", path, uv_os_getpid(), counter++);
    char *directory = tk_fs_directory(path);
    uv_fs_t request;
    int fd = open_file(beside, UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_EXCL, 0600);
    int result = -1, code;

    if (fd < 0) {
        failed(err, fd, path, "written");
        goto done;
    }
    result = tk_platform_set_mode(beside, mode, err); // before anything can be read in it
    code = result == 0 ? write_all(fd, text, len) : 0;
    if (code == 0) {
        code = uv_fs_fsync(NULL, &request, fd, NULL);
        uv_fs_req_cleanup(&request);
    }
    if (close_file(fd) < 0 && code == 0) {
        code = UV_EIO;
    }
    if (code != 0) {
        result = failed(err, code, path, "written");
    } else if (result == 0) {
        result = tk_platform_replace(beside, path, err);
    }
    if (result != 0) {
        uv_fs_unlink(NULL, &request, beside, NULL);
        uv_fs_req_cleanup(&request);
        goto done;
    }
    result = tk_platform_sync_directory(directory, err);
done:
    tk_free(directory);
    tk_free(beside);
    return result;
}

int tk_fs_find(struct tk_fs_info *out, bool *found, const char *path, struct tk_failure *err)
{
    uv_stat_t s;
    int code = stat_file(path, &s);

    *found = code == 0;
    if (code == UV_ENOENT || code == UV_ENOTDIR) {
        return 0;
    }
    if (code < 0) {
        return failed(err, code, path, "looked at");
    }
    out->kind = (s.st_mode & KIND_BITS) == REGULAR     ? "file"
                : (s.st_mode & KIND_BITS) == DIRECTORY ? "directory"
                                                       : "other";
    out->size_bytes = s.st_size;
    out->modified = (double)s.st_mtim.tv_sec + (double)s.st_mtim.tv_nsec / 1e9;
    out->owner = s.st_uid;
    out->mode = (unsigned)(s.st_mode & 07777);
    return 0;
}

int tk_fs_list(const char *directory, void (*add)(void *self, const char *name), void *self,
               struct tk_failure *err)
{
    uv_fs_t request;
    uv_dirent_t entry;
    int code = uv_fs_scandir(NULL, &request, directory, 0, NULL);

    if (code >= 0) {
        while (uv_fs_scandir_next(&request, &entry) != UV_EOF) {
            add(self, entry.name);
        }
    }
    uv_fs_req_cleanup(&request);
    return code < 0 ? failed(err, code, directory, "listed") : 0;
}

int tk_fs_make_directory(const char *path, bool *changed, struct tk_failure *err)
{
    uv_fs_t request;
    uv_stat_t s;
    int code = uv_fs_mkdir(NULL, &request, path, 0755, NULL);

    uv_fs_req_cleanup(&request);
    *changed = code == 0;
    if (code == UV_ENOENT) {
        char *parent = tk_fs_directory(path);
        bool unused;
        int result = strcmp(parent, path) == 0 ? failed(err, code, path, "made")
                                               : tk_fs_make_directory(parent, &unused, err);

        tk_free(parent);
        if (result != 0) {
            return -1;
        }
        code = uv_fs_mkdir(NULL, &request, path, 0755, NULL);
        uv_fs_req_cleanup(&request);
        *changed = code == 0;
    }
    if (code < 0 && stat_file(path, &s) == 0 && (s.st_mode & KIND_BITS) == DIRECTORY) {
        return 0; // there already, perhaps on a file system that may not be written
    }
    return code < 0 ? failed(err, code, path, "made") : 0;
}

int tk_fs_remove(const char *path, bool *changed, struct tk_failure *err)
{
    uv_fs_t request;
    int code = uv_fs_unlink(NULL, &request, path, NULL);

    uv_fs_req_cleanup(&request);
    if (code == UV_EISDIR || code == UV_EPERM ||
        code == UV_EACCES) { // POSIX: EPERM for a directory
        int as_directory = uv_fs_rmdir(NULL, &request, path, NULL);

        uv_fs_req_cleanup(&request);
        code = as_directory == UV_ENOTDIR ? code : as_directory;
    }
    *changed = code == 0;
    if (code == 0 || code == UV_ENOENT || code == UV_ENOTDIR) {
        return 0;
    }
    return failed(err, code, path, "removed");
}
