// The control file and the counts: see provider.h. Keys:
//   node.<name>=<WS-Management URL>   local=<name>   user=, password=   of the lab
//   signatures=<file>   counts=<file, written when the process ends and at each disconnect>
//   result: of a get or a definition; output: of a method
//   fail.connect|query|next|get|class|method|result|output|gettext=<HRESULT>   fail.text=
//   fail.skip=<calls>   default.<class>.<property>=<value that new instances have>
//   hang.connect|query|next|get|class|method|result|output=1   never answers
//   slow.next=<milliseconds for each object>   login=<user>:<password> that dcom must give
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"

#define MAX_FILE 65536

static LONG counters[COUNTERS];
static LONG calls_before_fault;

static const char *const names[COUNTERS] = {"connect", "query", "next", "get",  "class", "method",
                                            "wait",    "text",  "live", "made", "blocks"};

static char *read_control(void)
{
    const char *path = getenv("TAKEOVER_PROVIDER");
    FILE *file = path ? fopen(path, "rb") : NULL;
    char *text = tk_alloc(MAX_FILE);

    if (file) {
        text[fread(text, 1, MAX_FILE - 1, file)] = '\0';
        fclose(file);
    }
    return text;
}

char *control(const char *key)
{
    char *text = read_control();
    size_t len = strlen(key);
    char *found = NULL;

    for (char *line = text; *line && !found;) {
        size_t end = strcspn(line, "\r\n");

        if (strncmp(line, key, len) == 0 && line[len] == '=') {
            found = tk_strndup(line + len + 1, end - len - 1);
        }
        line += end;
        line += strspn(line, "\r\n");
    }
    tk_free(text);
    return found;
}

long long control_number(const char *key)
{
    char *text = control(key);
    long long number = text ? (long long)strtoull(text, NULL, 0) : 0;

    tk_free(text);
    return number;
}

void count(enum counter which, LONG by)
{
    InterlockedExchangeAdd(&counters[which], by);
}

void write_counts(void)
{
    char *path = control("counts");
    FILE *file = path ? fopen(path, "wb") : NULL;

    if (file) {
        for (int i = 0; i < COUNTERS; i++) {
            fprintf(file, "%s=%ld\n", names[i], (long)counters[i]);
        }
        fclose(file);
    }
    tk_free(path);
}

HRESULT injected(const char *where)
{
    char *key = tk_sprintf("fail.%s", where);
    char *text = control(key);
    HRESULT hr = text ? (HRESULT)strtoul(text, NULL, 0) : S_OK;

    tk_free(text);
    tk_free(key);
    if (hr != S_OK) {
        if (InterlockedIncrement(&calls_before_fault) <= control_number("fail.skip")) {
            return S_OK;
        }
        text = control("fail.text");
        leave_words(text);
        tk_free(text);
    }
    return hr;
}

bool hangs(const char *where)
{
    char *key = tk_sprintf("hang.%s", where);
    bool yes = control_number(key) != 0;

    tk_free(key);
    return yes;
}
