// See platform.h: the command line in UTF-8, whatever the code page is, and a console that shows
// UTF-8 and colours.
#include "platform.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "win32.h"

#include <shellapi.h>

static UINT code_page_before;

// It belongs to the window, in which others go on working.
static void restore_code_page(void)
{
    SetConsoleOutputCP(code_page_before);
}

static bool prepare(DWORD which)
{
    HANDLE console = GetStdHandle(which);
    DWORD mode = 0;

    if (!GetConsoleMode(console, &mode)) {
        return false; // a file or a pipe
    }
    SetConsoleMode(console, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    return true;
}

char **tk_platform_start(int *argc, char **argv)
{
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), argc);
    bool has_console = prepare(STD_OUTPUT_HANDLE);
    char **list;

    has_console = prepare(STD_ERROR_HANDLE) || has_console;
    if (has_console && GetConsoleOutputCP() != CP_UTF8) {
        code_page_before = GetConsoleOutputCP();
        SetConsoleOutputCP(CP_UTF8);
        atexit(restore_code_page);
    }
    // What is written is what was said: lines end in a newline, as everywhere else.
    for (int fd = 0; fd < 3; fd++) {
        _setmode(fd, _O_BINARY);
    }
    if (!wide) {
        return argv;
    }
    list = tk_alloc(((size_t)*argc + 1) * sizeof *list); // lives as long as the program
    for (int i = 0; i < *argc; i++) {
        list[i] = tk_narrow(wide[i]);
    }
    LocalFree(wide);
    return list;
}
