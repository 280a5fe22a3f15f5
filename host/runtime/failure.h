// Failures: what went wrong in the world, said so that a person woken at night understands it.
// Plain C, no Lua: back ends fill one in where the fault is seen; failure_lua.c turns it into the
// failure object of the scripts.
#ifndef TK_FAILURE_H
#define TK_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "failure_codes.h"

struct tk_failure {
    enum tk_code code;
    bool transient;      // trying again may help; set from the code's table entry
    bool maybe_executed; // the request may have taken effect although no answer was seen
    int http;            // HTTP status, 0 when there is none
    uint32_t hresult;    // HRESULT or Hyper-V error code, 0 when there is none
    char message[640];   // one sentence, without a full stop
    char hint[320];      // what to look at or do, may be empty
    char target[256];    // the device, virtual machine, file or address concerned, may be empty
};

#if defined(__GNUC__) && !defined(__clang__) // MinGW's plain "printf" is not C's
#define TK_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#elif defined(__GNUC__)
#define TK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TK_PRINTF(fmt, args)
#endif

// Fills *err (every field) and returns -1, so that a back end can `return tk_fail(...)`.
int tk_fail(struct tk_failure *err, enum tk_code code, const char *format, ...) TK_PRINTF(3, 4);
// Adds to a filled failure; return -1 again.
int tk_fail_hint(struct tk_failure *err, const char *format, ...) TK_PRINTF(2, 3);
int tk_fail_target(struct tk_failure *err, const char *target);

const char *tk_code_name(enum tk_code code);
const char *tk_code_source(enum tk_code code);
const char *tk_code_meaning(enum tk_code code);
bool tk_code_transient(enum tk_code code);
unsigned tk_code_flags(enum tk_code code); // of enum tk_code_flag
const char *tk_code_exit(enum tk_code code);
const char *tk_code_remedy(enum tk_code code); // NULL where none is known
// TK_CODE_COUNT when there is no such name.
enum tk_code tk_code_find(const char *name);

#endif
