// The journal: what was tried, by whom and with what result, in one SQLite file. It is a diary for
// people and reports; what is true is always read from the world. Loop's thread only. Every text is
// redacted on its way in. Code of every failure: JOURNAL_FAILED, with a hint on what to do.
// Knows no Lua.
#ifndef TK_JOURNAL_H
#define TK_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/failure.h"

struct tk_journal;

// Makes file and directories unless read_only, for the running user alone. A newer schema and a
// database of somebody else are refused, an older schema is brought up to date. A damaged file is
// moved aside, because nothing is decided by it, and a new one is begun.
int tk_journal_open(struct tk_journal **out, const char *path, bool read_only,
                    struct tk_failure *err);
// Where the damaged file is now, NULL where there was none.
const char *tk_journal_aside(const struct tk_journal *j);
void tk_journal_close(struct tk_journal *j);

// Texts may be NULL. Fields named *_json hold JSON.
struct tk_journal_run {
    const char *command, *vm, *node, *version, *arguments_json, *environment_json;
};
struct tk_journal_result {
    const char *state, *message, *failure_json;
    int64_t exit_code; // of a run
    int64_t attempts;  // of a step; negative: not told
};
struct tk_journal_call {
    int64_t run, step; // step 0: outside of any
    const char *native, *verb, *kind, *target, *request_json, *answer_json, *failure_json;
    const char *branch, *extra_json; // extra: what a replay needs besides
    double began, took;              // seconds; `began` on the caller's clock
    int changed;                     // -1: not told
    int64_t cut; // bytes of an answer that is not kept, 0 where JSON cannot say it; -1: none
};

// Reserves room on the disk and syncs, so that a full disk is noticed before anything is changed.
int tk_journal_begin_run(struct tk_journal *j, const struct tk_journal_run *run, int64_t *id,
                         struct tk_failure *err);
int tk_journal_end_run(struct tk_journal *j, int64_t run, const struct tk_journal_result *result,
                       struct tk_failure *err);
// The rest survives the end of the process, but the last of it perhaps not a loss of power.
int tk_journal_begin_step(struct tk_journal *j, int64_t run, const char *name, const char *branch,
                          const char *state, int64_t *id, struct tk_failure *err);
int tk_journal_end_step(struct tk_journal *j, int64_t step, const struct tk_journal_result *result,
                        struct tk_failure *err);
// A full disk loses the answer rather than the call: *call then says so in `cut`.
int tk_journal_call(struct tk_journal *j, struct tk_journal_call *call, struct tk_failure *err);
int tk_journal_note(struct tk_journal *j, int64_t run, const char *text, const char *data_json,
                    struct tk_failure *err);

// ---- reading

enum tk_journal_query {
    TK_JOURNAL_RUNS,  // newest first
    TK_JOURNAL_STEPS, // of one run, in order; calls and notes too
    TK_JOURNAL_CALLS,
    TK_JOURNAL_NOTES,
    TK_JOURNAL_DEVICE_TIMES, // of the last connections of devices, newest first
    TK_JOURNAL_STEP_TIMES,   // seconds of done steps of one name in successful runs, newest first
};

struct tk_journal_filter { // NULL, 0: any
    int64_t run, step;
    const char *vm, *command, *step_name, *kind, *native;
    int64_t limit;
};

enum tk_cell_type { TK_CELL_NONE, TK_CELL_INTEGER, TK_CELL_REAL, TK_CELL_TEXT, TK_CELL_JSON };

struct tk_cell {
    const char *name;
    enum tk_cell_type type;
    int64_t integer;
    double real;
    const char *text; // valid until the next row
    size_t len;
};

#define TK_JOURNAL_CELLS 20

// One selection of each query at a time: a new one ends the old one.
int tk_journal_select(struct tk_journal *j, enum tk_journal_query query,
                      const struct tk_journal_filter *filter, struct tk_failure *err);
// 1: a row of *count cells; 0: no more, the selection is ended; -1: failure.
int tk_journal_next(struct tk_journal *j, enum tk_journal_query query,
                    struct tk_cell cells[TK_JOURNAL_CELLS], int *count, struct tk_failure *err);

#endif
