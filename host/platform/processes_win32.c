// See platform.h: processes of Windows, which has no signals. A Takeover that is to stop is asked
// through an event of its own, so that it can undo what it began; any other process is ended.
#include "platform.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h> // the numbers of signals that Windows has no names for

#include "win32.h"

#define ENDED_BY_US 1 // exit code of a process that we end

int tk_platform_signal(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"TERM", SIGTERM}, {"KILL", SIGKILL}, {"INT", SIGINT}};

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (strcmp(signals[i].name, name) == 0) {
            return signals[i].number;
        }
    }
    return -1;
}

int tk_platform_stop_signal(int i)
{
    static const int signals[] = {SIGBREAK, SIGHUP}; // libuv: SIGHUP when the console is closed

    return i < (int)(sizeof signals / sizeof signals[0]) ? signals[i] : -1;
}

static uint64_t created(HANDLE process)
{
    FILETIME began, unused;

    if (!GetProcessTimes(process, &began, &unused, &unused, &unused)) {
        return 0;
    }
    return ((uint64_t)began.dwHighDateTime << 32 | began.dwLowDateTime) & INT64_MAX;
}

static bool has_ended(HANDLE process)
{
    return WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
}

uint64_t tk_platform_process_start(int pid)
{
    HANDLE process =
        OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, (DWORD)pid);
    uint64_t start = 0;

    if (process) {
        start = has_ended(process) ? 0 : created(process);
        CloseHandle(process);
    }
    return start;
}

bool tk_platform_process_exists(int pid)
{
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)pid);
    bool exists;

    if (!process) {
        return GetLastError() == ERROR_ACCESS_DENIED;
    }
    exists = !has_ended(process);
    CloseHandle(process);
    return exists;
}

// ---- asking a Takeover to stop ------------------------------------------------------------------

static void event_name(wchar_t *name, size_t size, DWORD pid, uint64_t start)
{
    // "Global": an operator's session reaches the services' one
    _snwprintf(name, size, L"Global\\takeover-stop-%lu-%llu", (unsigned long)pid,
               (unsigned long long)start);
    name[size - 1] = L'\0';
}

static VOID CALLBACK on_event(PVOID stop, BOOLEAN timed_out)
{
    (void)timed_out;
    ((void (*)(void))stop)();
}

// The event's rights are those of the user that runs us, and of the administrators.
void tk_platform_on_stop(void (*stop)(void))
{
    static HANDLE event, wait;
    wchar_t name[96];

    if (!stop && wait) {
        UnregisterWaitEx(wait, INVALID_HANDLE_VALUE); // after this no call is under way
        wait = NULL;
    }
    if (!stop || event) {
        return;
    }
    event_name(name, sizeof name / sizeof name[0], GetCurrentProcessId(),
               created(GetCurrentProcess()));
    event = CreateEventW(NULL, FALSE, FALSE, name);
    if (event) {
        RegisterWaitForSingleObject(&wait, event, on_event, (PVOID)stop, INFINITE,
                                    WT_EXECUTEDEFAULT);
    }
}

static bool ask_to_stop(int pid, uint64_t start)
{
    wchar_t name[96];
    HANDLE event;
    bool asked;

    event_name(name, sizeof name / sizeof name[0], (DWORD)pid, start);
    event = OpenEventW(EVENT_MODIFY_STATE, FALSE, name);
    asked = event && SetEvent(event);
    if (event) {
        CloseHandle(event);
    }
    return asked;
}

int tk_platform_signal_process(int pid, uint64_t start, int signal, struct tk_failure *err)
{
    HANDLE process = OpenProcess(
        PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_TERMINATE | SYNCHRONIZE, FALSE, (DWORD)pid);
    struct tk_buffer words = {0};
    DWORD error;
    int result = 1;

    if (!process) {
        error = GetLastError();
        if (error == ERROR_INVALID_PARAMETER) { // no such process
            return 0;
        }
        goto failed;
    }
    if (start == 0 || has_ended(process) || created(process) != start) {
        CloseHandle(process);
        return 0;
    }
    if ((signal == SIGKILL || !ask_to_stop(pid, start)) &&
        !TerminateProcess(process, ENDED_BY_US)) {
        error = GetLastError();
        result = has_ended(process) ? 0 : -1;
    }
    CloseHandle(process);
    if (result >= 0) {
        return result;
    }
failed:
    tk_win32_say(&words, error);
    tk_fail(err, TK_PROCESS_FAILED, "cannot signal process %d: %s", pid, words.text);
    tk_buffer_free(&words);
    return -1;
}
