// What the parts of the journal share: the open database and its prepared statements.
#ifndef TK_JOURNAL_DB_H
#define TK_JOURNAL_DB_H

#include <sqlite3.h>

#include "journal.h"

enum tk_statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_BEGIN_RUN,
    ST_RESERVE,
    ST_RELEASE,
    ST_END_RUN,
    ST_BEGIN_STEP,
    ST_END_STEP,
    ST_CALL,
    ST_NOTE,
    ST_RUNS,
    ST_STEPS,
    ST_CALLS,
    ST_NOTES,
    ST_DEVICE_TIMES,
    ST_STEP_TIMES,
    ST_COUNT,
};

struct tk_journal {
    sqlite3 *db;
    char *path;
    bool damaged; // an error said so
    char *aside;  // where a damaged file was moved to, NULL: nowhere
    char host[256];
    sqlite3_stmt *statements[ST_COUNT];
    double wall_at_open; // seconds since 1970; together with the monotonic clock: now
    uint64_t hrtime_at_open;
};

// Describes SQLite's last error. Returns -1.
int tk_journal_failed(struct tk_journal *j, const char *what, struct tk_failure *err);
// Moves a damaged file aside and begins a new one; -1 where that cannot be done.
int tk_journal_begin_anew(struct tk_journal *j, struct tk_failure *err);
// The prepared statement, reset and without values; NULL with *err filled.
sqlite3_stmt *tk_journal_statement(struct tk_journal *j, enum tk_statement which,
                                   struct tk_failure *err);
// Seconds since 1970 that never go backwards within one process.
double tk_journal_now(const struct tk_journal *j);

#endif
