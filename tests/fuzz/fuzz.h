// Fuzz targets: functions that get any bytes and must neither crash, hang nor leak, whatever these
// are. One program has all of them; see tests/fuzz/README.md.
#ifndef TK_FUZZ_H
#define TK_FUZZ_H

#include <stddef.h>
#include <stdint.h>

// In plain C. `text` has a zero byte at text[len] that does not count.
typedef void (*tk_fuzz_target)(const char *text, size_t len);

struct tk_fuzz_entry {
    const char *name;
    tk_fuzz_target run;
};
extern const struct tk_fuzz_entry tk_fuzz_c_targets[]; // ends with a NULL name

// A target of tests/fuzz/targets.lua; false where there is none of that name.
int tk_fuzz_lua_target(const char *name);
void tk_fuzz_lua(const char *text, size_t len);
void tk_fuzz_lua_close(void);
// Calls `each` with the name of every target in Lua.
void tk_fuzz_lua_names(void (*each)(const char *name));

// Ends the program: what must always hold did not.
#define TK_FUZZ_ASSERT(condition) ((condition) ? (void)0 : tk_fuzz_fail(#condition, __LINE__))
void tk_fuzz_fail(const char *what, int line);

#endif
