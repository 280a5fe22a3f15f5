// See platform.h: Linux and its relatives.
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#include <unistd.h>

#define HOLDER_MAX 1024

struct tk_lock {
    int fd;
};

char **tk_platform_start(int *argc, char **argv)
{
    (void)argc;
    return argv;
}

int tk_platform_signal(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {
        {"TERM", SIGTERM}, {"KILL", SIGKILL}, {"INT", SIGINT}, {"STOP", SIGSTOP}, {"CONT", SIGCONT},
    };

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (strcmp(signals[i].name, name) == 0) {
            return signals[i].number;
        }
    }
    return -1;
}

int tk_platform_stop_signal(int i)
{
    (void)i;
    return -1;
}

void tk_platform_on_stop(void (*stop)(void))
{
    (void)stop; // signals do it
}

void tk_platform_local_time(int64_t seconds, struct tm *out, int *utc_offset_minutes)
{
    time_t t = (time_t)seconds;

    localtime_r(&t, out);
    *utc_offset_minutes = (int)(out->tm_gmtoff / 60);
}

static int failed(struct tk_failure *err, const char *path, const char *what)
{
    int code = errno;

    tk_fail(err, code == ENOENT || code == ENOTDIR ? TK_FS_NOT_FOUND : TK_FS_FAILED,
            "%s cannot be %s: %s", path, what, strerror(code));
    return tk_fail_target(err, path);
}

// ---- files -------------------------------------------------------------------------------------

int tk_platform_set_mode(const char *path, unsigned mode, struct tk_failure *err)
{
    return chmod(path, (mode_t)mode) == 0 ? 0 : failed(err, path, "written"); // whatever the umask
}

int tk_platform_replace(const char *from, const char *to, struct tk_failure *err)
{
    return rename(from, to) == 0 ? 0 : failed(err, to, "written");
}

int tk_platform_grant_vm(const char *path, const char *id, struct tk_failure *err)
{
    (void)id;
    tk_fail(err, TK_FS_FAILED, "virtual machines have accounts on Windows only");
    return tk_fail_target(err, path);
}

int tk_platform_sync_directory(const char *directory, struct tk_failure *err)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = 0;

    if (fd < 0) {
        return failed(err, directory, "opened");
    }
    if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS) { // not every file system can
        result = failed(err, directory, "synced");
    }
    close(fd);
    return result;
}

// ---- places ------------------------------------------------------------------------------------

const char *tk_platform_state_directory(void)
{
    return "/var/lib/takeover";
}

static bool is_program(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && access(path, X_OK) == 0;
}

// Tries `name` in one directory. True leaves the path in the buffer.
static bool is_program_in(struct tk_buffer *path, const char *directory, size_t len,
                          const char *name)
{
    path->len = 0;
    tk_buffer_add(path, directory, len);
    tk_buffer_printf(path, "%s%s", len > 0 ? "/" : "", name);
    return is_program(path->text);
}

bool tk_platform_find_program(struct tk_buffer *path, const char *name, const char *also)
{
    const char *p = getenv("PATH");

    if (strchr(name, '/')) {
        return is_program_in(path, "", 0, name);
    }
    while (p && *p) {
        size_t len = strcspn(p, ":");

        if (len > 0 && is_program_in(path, p, len, name)) { // an empty entry means "here": never
            return true;
        }
        p += len + (p[len] == ':');
    }
    return also && is_program_in(path, also, strlen(also), name);
}

uintptr_t tk_platform_socket(int family, int type, int protocol)
{
#ifdef SOCK_CLOEXEC
    type |= SOCK_CLOEXEC;
#endif
    return (uintptr_t)socket(family, type, protocol);
}

void tk_platform_socket_error(struct tk_buffer *why)
{
    if (why && errno != 0) {
        tk_buffer_puts(why, strerror(errno));
    }
    errno = 0;
}

bool tk_platform_report(const char *text)
{
    (void)text; // whoever starts us keeps what we print
    return false;
}

bool tk_platform_rescan_devices(void)
{
    return false;
}

// ---- lock --------------------------------------------------------------------------------------

// 0: locked, 1: somebody else has it, -1: errno. A lock of the open file (not of the process) also
// keeps two users in this process apart, and is not lost when another descriptor of the file is
// closed.
static int try_lock(int fd)
{
    int result;

#ifdef F_OFD_SETLK
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    result = fcntl(fd, F_OFD_SETLK, &whole);
#else
    result = flock(fd, LOCK_EX | LOCK_NB);
#endif
    if (result == 0) {
        return 0;
    }
    return errno == EAGAIN || errno == EACCES || errno == EWOULDBLOCK ? 1 : -1;
}

// A lock that others may open is one that they may hold, against every failover. What an earlier
// version made for all to read is closed to them now.
static int judge_lock(int fd, const char *path, struct tk_failure *err)
{
    struct stat s;

    if (fstat(fd, &s) != 0) {
        return failed(err, path, "looked at");
    }
    if (!S_ISREG(s.st_mode) || s.st_nlink > 1 || (s.st_uid != geteuid() && s.st_uid != 0)) {
        tk_fail(err, TK_FS_UNSAFE, "%s is no file of our own: %s", path,
                !S_ISREG(s.st_mode) ? "it is no regular file"
                : s.st_nlink > 1    ? "it has another name, too"
                                    : "it belongs to another user");
        tk_fail_hint(err, "remove it");
        return tk_fail_target(err, path);
    }
    if ((s.st_mode & (S_IRWXG | S_IRWXO)) != 0 && s.st_uid == geteuid() && fchmod(fd, 0600) != 0) {
        return failed(err, path, "closed to others");
    }
    return 0;
}

int tk_platform_lock(struct tk_lock **lock, struct tk_buffer *holder, const char *path,
                     const char *text, struct tk_failure *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    size_t len = strlen(text);
    int state;

    *lock = NULL;
    if (fd < 0) {
        return failed(err, path, "opened for locking");
    }
    if (judge_lock(fd, path, err) != 0) {
        close(fd);
        return -1;
    }
    state = try_lock(fd);
    if (state == 0) {
        if (ftruncate(fd, 0) != 0 || pwrite(fd, text, len, 0) != (ssize_t)len) {
            failed(err, path, "written");
            close(fd);
            return -1;
        }
        *lock = tk_alloc(sizeof **lock);
        (*lock)->fd = fd;
        return 0;
    }
    if (state > 0) {
        char bytes[HOLDER_MAX];
        ssize_t got = pread(fd, bytes, sizeof bytes, 0);

        tk_buffer_add(holder, bytes, got > 0 ? (size_t)got : 0);
        close(fd);
        return 0;
    }
    failed(err, path, "locked");
    close(fd);
    return -1;
}

void tk_platform_unlock(struct tk_lock *lock)
{
    if (lock) {
        if (ftruncate(lock->fd, 0) != 0) {
            // the text stays: only a reader between two holders would see it
        }
        close(lock->fd);
        tk_free(lock);
    }
}

// ---- processes ---------------------------------------------------------------------------------

// Differs from boot to boot; 0 where it cannot be told. Start times are counted from the boot.
static uint64_t boot_number(void)
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    uint64_t number = 0;

    for (int c; f && (c = fgetc(f)) != EOF && c != '\n';) {
        number = number * 31 + (uint64_t)c;
    }
    if (f) {
        fclose(f);
    }
    return number << 8;
}

uint64_t tk_platform_process_start(int pid)
{
    char path[64], text[1024];
    const char *p;
    unsigned long long start = 0;
    size_t len;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    f = fopen(path, "re");
    if (!f) {
        return 0;
    }
    len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    // proc(5): field 2 is the name in parentheses, which may contain anything; field 22 is the
    // start time.
    p = strrchr(text, ')');
    for (int field = 2; p && field < 22; field++) {
        p = strchr(p + 1, ' ');
    }
    if (p) {
        start = strtoull(p + 1, NULL, 10);
    }
    return start != 0 ? (boot_number() ^ start) & INT64_MAX : 0;
}

bool tk_platform_process_exists(int pid)
{
    return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

// A handle of the process that has the number now, so that it cannot become another one between
// looking at it and the signal; -1 where the system has no such thing.
static int process_handle(int pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    errno = ENOSYS;
    return -1;
#endif
}

static int send_signal(int handle, int pid, int signal)
{
#ifdef SYS_pidfd_send_signal
    if (handle >= 0) {
        return (int)syscall(SYS_pidfd_send_signal, handle, signal, NULL, 0);
    }
#endif
    (void)handle;
    return kill((pid_t)pid, signal);
}

int tk_platform_signal_process(int pid, uint64_t start, int signal, struct tk_failure *err)
{
    int handle, result = 1;

    handle = process_handle(pid);
    if (handle < 0 && errno == ESRCH) {
        return 0;
    }
    if (start == 0 || tk_platform_process_start(pid) != start) {
        result = 0;
    } else if (send_signal(handle, pid, signal) != 0) {
        result = errno == ESRCH ? 0
                                : tk_fail(err, TK_PROCESS_FAILED, "cannot signal process %d: %s",
                                          pid, strerror(errno));
    }
    if (handle >= 0) {
        close(handle);
    }
    return result;
}
