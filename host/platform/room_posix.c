// See platform.h: what a program needs before it can promise anything, and what it must not leave
// behind. libuv ends the process where it gets no thread or descriptor, so it is asked before.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform.h"

#define FILES_LEAST     64   // descriptors: journal, locks, connections, children
#define FILES_WANTED    1024 // raised to this where that is allowed
#define THREADS_LEAST   4    // for branches side by side; without more they wait for each other
#define BYTES_BESIDE    ((size_t)128 << 20) // address space besides the stacks of threads
#define STACK_UNLIMITED ((size_t)2 << 20)   // what libuv takes then
#define EXIT_INTERNAL   21                  // as in lua/core/exit_codes.lua

// A file that is opened later must not become what we print to.
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            int opened = open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);

            if (opened >= 0 && opened != fd) { // cannot be: the lowest free one is given
                close(opened);
            }
        }
    }
}

// Somewhere below, an assertion failed or the system gave nothing more: libuv's and libc's way to
// say so is abort.
static void on_abort(int signal)
{
    static const char text[] = "takeover: it cannot go on: no memory, thread or descriptor was "
                               "left, or a check of its own failed\n";

    (void)signal;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) {
        // nobody to tell
    }
    _exit(EXIT_INTERNAL);
}

void tk_platform_prepare(void)
{
    struct rlimit none = {0, 0};
    struct sigaction action;

    open_standard_streams();
    setrlimit(RLIMIT_CORE, &none); // passwords are in our memory
    memset(&action, 0, sizeof action);
    action.sa_handler = on_abort;
    sigaction(SIGABRT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error to report, not a death
}

static bool has_files(struct tk_buffer *why)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return true;
    }
    if (files.rlim_cur < FILES_WANTED && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur >= FILES_LEAST) {
        return true;
    }
    tk_buffer_printf(why, "%llu open files are allowed (ulimit -n), %d are needed",
                     (unsigned long long)files.rlim_cur, FILES_LEAST);
    return false;
}

// Whether so many bytes of address space are to be had; they are not kept.
static bool can_map(size_t len_bytes)
{
    void *p = mmap(NULL, len_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        return false;
    }
    munmap(p, len_bytes);
    return true;
}

bool tk_platform_has_room(struct tk_buffer *why)
{
    struct rlimit space, stack;
    size_t each = STACK_UNLIMITED;

    if (!has_files(why)) {
        return false;
    }
    if (getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur == RLIM_INFINITY) {
        return true;
    }
    if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur != RLIM_INFINITY) {
        each = (size_t)stack.rlim_cur;
    }
    if (can_map(THREADS_LEAST * each + BYTES_BESIDE)) {
        return true;
    }
    tk_buffer_printf(why,
                     "%llu MiB of address space are allowed (ulimit -v), which is too little for "
                     "%d threads of %zu MiB and the data",
                     (unsigned long long)space.rlim_cur >> 20, THREADS_LEAST, each >> 20);
    return false;
}
