// See platform.h: Linux and its relatives.
#include "platform.h"

#include <signal.h>
#include <string.h>

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

void tk_platform_local_time(int64_t seconds, struct tm *out, int *utc_offset_minutes)
{
    time_t t = (time_t)seconds;

    localtime_r(&t, out);
    *utc_offset_minutes = (int)(out->tm_gmtoff / 60);
}
