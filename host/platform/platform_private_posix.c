// See platform.h: private files and secrets on Linux and its relatives. There is no machine-wide
// encryption without a daemon here, so a secret is as safe as the permissions of its file.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "platform.h"

#define CTRL_C 3

static int failed(struct tk_failure *err, const char *path, const char *what)
{
    tk_fail(err, TK_FS_FAILED, "%s cannot be %s: %s", path, what, strerror(errno));
    return tk_fail_target(err, path);
}

int tk_platform_make_private_directory(const char *path, struct tk_failure *err)
{
    if (mkdir(path, 0700) == 0) {
        return 1;
    }
    if (errno == EEXIST) {
        struct stat s;

        if (stat(path, &s) == 0 && S_ISDIR(s.st_mode)) {
            return 0;
        }
        errno = ENOTDIR;
    }
    return failed(err, path, "made");
}

int tk_platform_private_directory(struct tk_buffer *why, const char *path, struct tk_failure *err)
{
    int result = tk_platform_make_private_directory(path, err);
    struct stat s;
    int fd;

    if (result != 0) {
        return result < 0 ? -1 : tk_platform_unsafe(why, path, TK_JUDGE_CHANGE, err);
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0) {
        result = failed(err, path, "looked at");
    } else if (s.st_uid == geteuid() && (s.st_mode & (S_IRWXG | S_IRWXO)) != 0 &&
               fchmod(fd, 0700) != 0) {
        result = failed(err, path, "closed to others");
    }
    if (fd >= 0) {
        close(fd);
    }
    return result == 0 ? tk_platform_unsafe(why, path, TK_JUDGE_CHANGE, err) : -1;
}

int tk_platform_private_file(struct tk_buffer *why, const char *path, struct tk_failure *err)
{
    int fd = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    struct stat s;
    int result = 0;

    if (fd < 0 || fstat(fd, &s) != 0) {
        result = failed(err, path, "opened");
    } else if (!S_ISREG(s.st_mode) || s.st_nlink > 1) {
        tk_buffer_printf(why, "%s %s", path,
                         S_ISREG(s.st_mode) ? "has another name, too" : "is no regular file");
    } else if (s.st_uid != geteuid() && s.st_uid != 0) {
        tk_buffer_printf(why, "%s belongs to user %u", path, (unsigned)s.st_uid);
    } else if (s.st_uid == geteuid() && (s.st_mode & (S_IRWXG | S_IRWXO)) != 0 &&
               fchmod(fd, 0600) != 0) {
        result = failed(err, path, "closed to others");
    }
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);

        if (written < 0 && errno != EINTR) {
            return -1;
        }
        bytes += written > 0 ? written : 0;
        len -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

int tk_platform_write_private(const char *path, const char *bytes, size_t len,
                              struct tk_failure *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return failed(err, path, "written");
    }
    if (fchmod(fd, 0600) != 0 || write_all(fd, bytes, len) != 0 || fsync(fd) != 0) {
        failed(err, path, "written");
        close(fd);
        unlink(path);
        return -1;
    }
    close(fd);
    return 0;
}

const char *tk_platform_private_hint(void)
{
    return "give the file to root or to the user that runs this, and take the rights of all others "
           "away: chmod 600";
}

const char *tk_platform_protection(void)
{
    return NULL;
}

static int not_here(struct tk_failure *err)
{
    return tk_fail(err, TK_SECRET_UNREADABLE, "this system does not encrypt secrets");
}

int tk_platform_protect(struct tk_buffer *out, const char *bytes, size_t len,
                        struct tk_failure *err)
{
    (void)out, (void)bytes, (void)len;
    return not_here(err);
}

int tk_platform_unprotect(struct tk_buffer *out, const char *bytes, size_t len,
                          struct tk_failure *err)
{
    (void)out, (void)bytes, (void)len;
    return not_here(err);
}

// ---- a line that the terminal does not show ----------------------------------------------------

// Reads one byte at a time, for what follows the line belongs to somebody else. Ctrl-C arrives as a
// byte that ends the line, so that no signal leaves the terminal without its echo.
static int read_line(struct tk_buffer *out, size_t most, struct tk_failure *err)
{
    for (;;) {
        char c;
        ssize_t got = read(STDIN_FILENO, &c, 1);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0 || c == CTRL_C) {
            return tk_fail(err, TK_CANCELLED, "nothing was typed");
        }
        if (c == '\n' || c == '\r') {
            return 0;
        }
        if (out->len >= most) {
            return tk_fail(err, TK_FS_FAILED, "the line is longer than %zu bytes", most);
        }
        tk_buffer_add(out, &c, 1);
    }
}

int tk_platform_read_hidden(struct tk_buffer *out, const char *prompt, size_t most,
                            struct tk_failure *err)
{
    struct termios before, hidden;
    int result;

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return failed(err, "standard input", "read without showing it");
    }
    hidden = before;
    hidden.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ISIG);
    hidden.c_lflag |= ICANON;
    hidden.c_cc[VEOL] = CTRL_C;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0) {
        return failed(err, "standard input", "read without showing it");
    }
    if (write_all(STDERR_FILENO, prompt, strlen(prompt)) != 0) {
        // it is asked for all the same
    }
    result = read_line(out, most, err);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    if (write_all(STDERR_FILENO, "\n", 1) != 0) {
        // as above
    }
    return result;
}
