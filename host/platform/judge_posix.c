// See platform.h: who may change a file. Every directory and link on the way is opened from the
// root on, one inside the other, and judged by its open descriptor: between a look at a path and
// its use, whoever may change a part of it can exchange it.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform.h"

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

#define LINKS_MAX   40
#define CHUNK_BYTES 65536

// A walk along a path.
struct walk {
    const char *path; // as the caller said it
    enum tk_judge how;
    struct tk_buffer *why;
    struct tk_failure *err;
    struct tk_buffer seen; // of the path, for messages
    struct tk_buffer rest; // what is still to come
    int directory;         // open
    int links;
};

static int failed(struct tk_failure *err, const char *path, const char *what)
{
    int code = errno;

    tk_fail(err, code == ENOENT || code == ENOTDIR ? TK_FS_NOT_FOUND : TK_FS_FAILED,
            "%s cannot be %s: %s", path, what, strerror(code));
    return tk_fail_target(err, path);
}

// ---- judging one thing --------------------------------------------------------------------------

// The program's own file. Whoever may replace it needs no Lua file to decide what runs.
static const struct stat *program(void)
{
    static struct stat s;
    static int known; // 0: not asked yet

    if (known == 0) {
        known = stat("/proc/self/exe", &s) == 0 ? 1 : -1;
    }
    return known > 0 ? &s : NULL;
}

static bool is_trusted(uid_t owner, enum tk_judge how)
{
    return owner == 0 || owner == geteuid() ||
           (how == TK_JUDGE_CODE && program() && owner == program()->st_uid);
}

static mode_t writable_by_others(const struct stat *s, enum tk_judge how)
{
    mode_t mode = s->st_mode & (S_IWGRP | S_IWOTH);

    if (how == TK_JUDGE_CODE && program() && (program()->st_mode & S_IWGRP) &&
        program()->st_gid == s->st_gid) {
        mode &= ~(mode_t)S_IWGRP;
    }
    return mode;
}

static void judge(struct walk *w, const struct stat *s, bool is_last)
{
    const char *path = w->seen.len > 0 ? w->seen.text : "/";

    if (!is_trusted(s->st_uid, w->how)) {
        tk_buffer_printf(w->why, "%s belongs to user %u", path, (unsigned)s->st_uid);
    } else if (S_ISLNK(s->st_mode)) {
        return; // its permissions mean nothing; what it leads to is looked at as well
    } else if (writable_by_others(s, w->how) != 0 &&
               (is_last || !S_ISDIR(s->st_mode) || !(s->st_mode & S_ISVTX))) {
        tk_buffer_printf(w->why, "%s may be changed by %s (mode %04o)", path,
                         s->st_mode & S_IWOTH ? "everybody" : "its group",
                         (unsigned)s->st_mode & 07777);
    } else if (is_last && w->how == TK_JUDGE_PRIVATE && (s->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        tk_buffer_printf(w->why, "%s is open to others (mode %04o)", path,
                         (unsigned)s->st_mode & 07777);
    }
}

// ---- walking ------------------------------------------------------------------------------------

static int enter(struct walk *w, int directory)
{
    struct stat s;

    if (w->directory >= 0) {
        close(w->directory);
    }
    w->directory = directory;
    if (directory < 0 || fstat(directory, &s) != 0) {
        return failed(w->err, w->path, "looked at");
    }
    return 0;
}

static int enter_root(struct walk *w)
{
    struct stat s;

    w->seen.len = 0;
    if (enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) != 0 ||
        fstat(w->directory, &s) != 0) {
        return -1;
    }
    judge(w, &s, false);
    return 0;
}

// Takes the next name off the rest. False at the end.
static bool next_name(struct walk *w, char name[NAME_MAX + 1])
{
    const char *p = w->rest.text;
    size_t len;

    if (!p) {
        name[0] = '\0';
        return false;
    }
    do {
        p += strspn(p, "/");
        len = strcspn(p, "/");
        if (len > NAME_MAX) {
            len = NAME_MAX; // there is none of that name, and it is told
        }
        memcpy(name, p, len);
        name[len] = '\0';
        p += len;
    } while (strcmp(name, ".") == 0);
    p += strspn(p, "/");
    w->rest.len -= (size_t)(p - w->rest.text);
    memmove(w->rest.text, p, w->rest.len + 1);
    return len > 0;
}

static int follow(struct walk *w, const char *name)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(w->directory, name, target, sizeof target - 1);
    struct tk_buffer rest = {0};

    if (len <= 0 || ++w->links > LINKS_MAX) {
        errno = len <= 0 ? ENOENT : ELOOP;
        return failed(w->err, w->path, "looked at");
    }
    target[len] = '\0';
    tk_buffer_printf(&rest, "%s/%s", target, w->rest.text ? w->rest.text : "");
    tk_buffer_free(&w->rest);
    w->rest = rest;
    return target[0] == '/' ? enter_root(w) : 0;
}

static void remember(struct walk *w, const char *name)
{
    tk_buffer_printf(&w->seen, "/%s", name);
}

static void forget_last(struct walk *w)
{
    while (w->seen.len > 0 && w->seen.text[--w->seen.len] != '/') {
    }
    if (w->seen.text) {
        w->seen.text[w->seen.len] = '\0';
    }
}

// Goes along one name. *last gets a descriptor when it is the end of the way.
static int step(struct walk *w, const char *name, int *last)
{
    int fd = openat(w->directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool is_last = w->rest.len == 0;
    struct stat s;

    if (fd < 0 || fstat(fd, &s) != 0) {
        failed(w->err, w->path, "looked at");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    if (strcmp(name, "..") == 0) {
        forget_last(w);
    } else {
        remember(w, name);
    }
    judge(w, &s, is_last);
    if (S_ISLNK(s.st_mode)) {
        close(fd);
        forget_last(w);
        return follow(w, name);
    }
    if (is_last) {
        *last = fd;
        return 0;
    }
    return enter(w, fd);
}

// Walks to the end of the path, or until something on it is not safe. *last: what is there, a
// descriptor that tells what it is only; -1 where *why says something.
static int walk(struct walk *w, int *last)
{
    char name[NAME_MAX + 1], here[PATH_MAX];
    int result;

    *last = -1;
    w->directory = -1;
    if (w->path[0] != '/') {
        if (!getcwd(here, sizeof here)) {
            return failed(w->err, w->path, "looked at");
        }
        tk_buffer_printf(&w->rest, "%s/", here);
    }
    tk_buffer_puts(&w->rest, w->path);
    result = enter_root(w);
    while (result == 0 && w->why->len == 0 && *last < 0 && next_name(w, name)) {
        result = step(w, name, last);
    }
    if (result == 0 && w->why->len == 0 && *last < 0) { // the path ends with "..", or is the root
        *last = dup(w->directory);
    }
    if (w->why->len > 0 && *last >= 0) {
        close(*last);
        *last = -1;
    }
    return result;
}

static void end_walk(struct walk *w)
{
    if (w->directory >= 0) {
        close(w->directory);
    }
    tk_buffer_free(&w->seen);
    tk_buffer_free(&w->rest);
}

int tk_platform_unsafe(struct tk_buffer *why, const char *path, enum tk_judge how,
                       struct tk_failure *err)
{
    struct walk w = {.path = path, .how = how, .why = why, .err = err};
    int last, result = walk(&w, &last);

    if (last >= 0) {
        close(last);
    }
    end_walk(&w);
    return result;
}

// ---- reading ------------------------------------------------------------------------------------

static int read_all(int fd, struct tk_buffer *out, const char *path, uint64_t max_bytes,
                    struct tk_failure *err)
{
    char *chunk = tk_alloc(CHUNK_BYTES);
    ssize_t got;
    int result = 0;

    while ((got = read(fd, chunk, CHUNK_BYTES)) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            result = failed(err, path, "read");
            break;
        }
        if (out->len + (uint64_t)got > max_bytes) {
            tk_fail(err, TK_FS_FAILED, "%s is longer than %llu bytes", path,
                    (unsigned long long)max_bytes);
            result = tk_fail_target(err, path);
            break;
        }
        tk_buffer_add(out, chunk, (size_t)got);
    }
    tk_wipe(chunk, CHUNK_BYTES);
    tk_free(chunk);
    return result;
}

// Opens what the walk has found for reading: that file, and a regular one, or none.
static int open_in(int directory, const char *name, int place, const char *path,
                   struct tk_failure *err)
{
    struct stat a, b;
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return failed(err, path, "read");
    }
    if (fstat(place, &a) != 0 || fstat(fd, &b) != 0 || a.st_dev != b.st_dev ||
        a.st_ino != b.st_ino || !S_ISREG(b.st_mode)) {
        close(fd);
        tk_fail(err, TK_FS_FAILED, "%s cannot be read: it is no regular file", path);
        return tk_fail_target(err, path);
    }
    return fd;
}

int tk_platform_read_judged(struct tk_buffer *out, struct tk_buffer *why, const char *path,
                            uint64_t max_bytes, enum tk_judge how, struct tk_failure *err)
{
    struct walk w = {.path = path, .how = how, .why = why, .err = err};
    int place, fd = -1, result = walk(&w, &place);

    if (result == 0 && place >= 0) {
        const char *slash = w.seen.text ? strrchr(w.seen.text, '/') : NULL;

        fd = open_in(w.directory, slash ? slash + 1 : ".", place, path, err);
        result = fd < 0 ? -1 : read_all(fd, out, path, max_bytes, err);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (place >= 0) {
        close(place);
    }
    end_walk(&w);
    return result;
}
