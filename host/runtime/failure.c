// Failures in plain C: see failure.h.
#include "failure.h"

#include <stdarg.h>
#include <string.h>

#include "outside.h"

struct code_entry {
    const char *name;
    const char *source;
    unsigned flags;
    const char *exit, *meaning, *remedy;
};

#define TK_FAILURE_ENTRY(code, source, flags, exit, meaning, remedy)                               \
    {#code, source, flags, exit, meaning, remedy},
static const struct code_entry codes[] = {TK_FAILURE_CODES(TK_FAILURE_ENTRY)};
#undef TK_FAILURE_ENTRY

static const struct code_entry *entry(enum tk_code code)
{
    return &codes[(unsigned)code < TK_CODE_COUNT ? code : TK_INTERNAL];
}

int tk_fail(struct tk_failure *err, enum tk_code code, const char *format, ...)
{
    va_list args;

    memset(err, 0, sizeof *err);
    err->code = code;
    err->transient = tk_code_transient(code);
    va_start(args, format);
    tk_vformat(err->message, sizeof err->message, format, args);
    va_end(args);
    return -1;
}

int tk_fail_hint(struct tk_failure *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tk_vformat(err->hint, sizeof err->hint, format, args);
    va_end(args);
    return -1;
}

int tk_fail_target(struct tk_failure *err, const char *target)
{
    tk_format(err->target, sizeof err->target, "%s", target ? target : "");
    return -1;
}

const char *tk_code_name(enum tk_code code)
{
    return entry(code)->name;
}

const char *tk_code_source(enum tk_code code)
{
    return entry(code)->source;
}

const char *tk_code_meaning(enum tk_code code)
{
    return entry(code)->meaning;
}

bool tk_code_transient(enum tk_code code)
{
    return (entry(code)->flags & TK_TRANSIENT) != 0;
}

unsigned tk_code_flags(enum tk_code code)
{
    return entry(code)->flags;
}

const char *tk_code_exit(enum tk_code code)
{
    return entry(code)->exit;
}

const char *tk_code_remedy(enum tk_code code)
{
    return entry(code)->remedy;
}

enum tk_code tk_code_find(const char *name)
{
    for (unsigned i = 0; i < TK_CODE_COUNT; i++) {
        if (strcmp(codes[i].name, name) == 0) {
            return (enum tk_code)i;
        }
    }
    return TK_CODE_COUNT;
}
