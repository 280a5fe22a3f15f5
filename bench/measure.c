// Runs several commands in turn, many times, and compares time and memory:
//
//   measure REPETITIONS [--] LABEL program argument ... [-- LABEL program argument ...] ...
//
// The commands alternate, so that whatever else the machine does meets all of them alike; the
// median is printed, and each one's ratio to the first. Their output is discarded. A command that
// fails makes the measurement fail.
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX    8
#define REPETITIONS_MAX 100000

extern char **environ;

struct command {
    const char *label;
    char **argv;
    double *wall_ms;
    double *rss_kib;
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int run_once(const struct command *c, int i)
{
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    double began = now_ms();
    int status = -1;
    int error;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    error = posix_spawnp(&pid, c->argv[0], &actions, NULL, c->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0 || wait4(pid, &status, 0, &usage) < 0 || status != 0) {
        fprintf(stderr, "measure: %s failed (%s, status %d)\n", c->label, strerror(error), status);
        return -1;
    }
    c->wall_ms[i] = now_ms() - began;
    c->rss_kib[i] = (double)usage.ru_maxrss;
    return 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

// Cuts argv at every "--"; gives the number of commands, 0 for nonsense.
static int read_commands(int argc, char **argv, struct command *commands)
{
    int count = 0;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            continue;
        }
        if (count == COMMANDS_MAX || i + 1 >= argc || strcmp(argv[i + 1], "--") == 0) {
            return 0;
        }
        commands[count].label = argv[i];
        commands[count].argv = &argv[i + 1];
        count++;
        while (i < argc && strcmp(argv[i], "--") != 0) {
            i++;
        }
        if (i < argc) {
            argv[i] = NULL;
        }
    }
    return count;
}

int main(int argc, char **argv)
{
    struct command commands[COMMANDS_MAX] = {0};
    int repetitions = argc > 1 ? atoi(argv[1]) : 0;
    int count = argc > 2 ? read_commands(argc - 2, argv + 2, commands) : 0;
    double first_ms = 0, first_kib = 0;

    if (count == 0 || repetitions < 1 || repetitions > REPETITIONS_MAX) {
        fputs("usage: measure REPETITIONS LABEL program argument ... [-- LABEL program ...]\n",
              stderr);
        return 2;
    }
    for (int c = 0; c < count; c++) {
        commands[c].wall_ms = calloc((size_t)repetitions, sizeof(double));
        commands[c].rss_kib = calloc((size_t)repetitions, sizeof(double));
        if (!commands[c].wall_ms || !commands[c].rss_kib) {
            return 1;
        }
    }
    for (int i = -1; i < repetitions; i++) { // the first round only warms the caches
        for (int c = 0; c < count; c++) {
            if (run_once(&commands[c], i < 0 ? 0 : i) != 0) {
                return 1;
            }
        }
    }
    printf("%-28s %10s %8s %10s %8s\n", "", "median ms", "ratio", "MiB", "ratio");
    for (int c = 0; c < count; c++) {
        double ms = median(commands[c].wall_ms, repetitions);
        double kib = median(commands[c].rss_kib, repetitions);

        if (c == 0) {
            first_ms = ms;
            first_kib = kib;
        }
        printf("%-28s %10.2f %8.2f %10.2f %8.2f\n", commands[c].label, ms, ms / first_ms,
               kib / 1024, kib / first_kib);
        free(commands[c].wall_ms);
        free(commands[c].rss_kib);
    }
    return 0;
}
