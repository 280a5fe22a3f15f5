// Reading the journal: see journal.h. A run without an end is "running" while its process lives,
// "interrupted" when that is gone, and "unfinished" when another host wrote it, whose processes
// cannot be seen from here.
#include <string.h>

#include "journal_db.h"
#include "platform/platform.h"

#define LIMIT_MAX 1000000

static const enum tk_statement statement_of[] = {
    [TK_JOURNAL_RUNS] = ST_RUNS,
    [TK_JOURNAL_STEPS] = ST_STEPS,
    [TK_JOURNAL_CALLS] = ST_CALLS,
    [TK_JOURNAL_NOTES] = ST_NOTES,
    [TK_JOURNAL_DEVICE_TIMES] = ST_DEVICE_TIMES,
    [TK_JOURNAL_STEP_TIMES] = ST_STEP_TIMES,
};

static void bind_id(sqlite3_stmt *s, int index, int64_t id)
{
    if (id != 0) {
        sqlite3_bind_int64(s, index, id);
    }
}

static void bind_text(sqlite3_stmt *s, int index, const char *text)
{
    if (text) {
        sqlite3_bind_text(s, index, text, -1, SQLITE_TRANSIENT);
    }
}

int tk_journal_select(struct tk_journal *j, enum tk_journal_query query,
                      const struct tk_journal_filter *filter, struct tk_failure *err)
{
    sqlite3_stmt *s = tk_journal_statement(j, statement_of[query], err);
    int64_t limit = filter->limit > 0 && filter->limit < LIMIT_MAX ? filter->limit : LIMIT_MAX;

    if (!s) {
        return -1;
    }
    switch (query) {
    case TK_JOURNAL_RUNS:
        bind_id(s, 1, filter->run);
        bind_text(s, 2, filter->vm);
        bind_text(s, 3, filter->command);
        sqlite3_bind_int64(s, 4, limit);
        break;
    case TK_JOURNAL_STEPS:
    case TK_JOURNAL_NOTES:
        sqlite3_bind_int64(s, 1, filter->run);
        sqlite3_bind_int64(s, 2, limit);
        break;
    case TK_JOURNAL_CALLS:
        sqlite3_bind_int64(s, 1, filter->run);
        bind_id(s, 2, filter->step);
        bind_text(s, 3, filter->kind);
        bind_text(s, 4, filter->native);
        sqlite3_bind_int64(s, 5, limit);
        break;
    case TK_JOURNAL_DEVICE_TIMES:
        sqlite3_bind_int64(s, 1, limit);
        break;
    case TK_JOURNAL_STEP_TIMES:
        bind_text(s, 1, filter->vm);
        bind_text(s, 2, filter->command);
        bind_text(s, 3, filter->step_name);
        sqlite3_bind_int64(s, 4, limit);
        break;
    }
    return 0;
}

static bool is_json(const char *name)
{
    static const char *const names[] = {"arguments", "environment", "failure", "request",
                                        "answer",    "data",        "extra"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void read_cell(sqlite3_stmt *s, int column, struct tk_cell *cell)
{
    memset(cell, 0, sizeof *cell);
    cell->name = sqlite3_column_name(s, column);
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_INTEGER:
        cell->type = TK_CELL_INTEGER;
        cell->integer = sqlite3_column_int64(s, column);
        break;
    case SQLITE_FLOAT:
        cell->type = TK_CELL_REAL;
        cell->real = sqlite3_column_double(s, column);
        break;
    case SQLITE_NULL:
        break;
    default:
        cell->type = is_json(cell->name) ? TK_CELL_JSON : TK_CELL_TEXT;
        cell->text = (const char *)sqlite3_column_text(s, column);
        cell->len = (size_t)sqlite3_column_bytes(s, column);
    }
}

static struct tk_cell *cell_named(struct tk_cell *cells, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(cells[i].name, name) == 0) {
            return &cells[i];
        }
    }
    return NULL;
}

static const char *state_of_open_run(const struct tk_journal *j, struct tk_cell *cells, int count)
{
    const struct tk_cell *host = cell_named(cells, count, "host");
    int64_t pid = cell_named(cells, count, "pid")->integer;
    uint64_t start = (uint64_t)cell_named(cells, count, "process_start")->integer;

    if (!host->text || strcmp(host->text, j->host) != 0) {
        return "unfinished";
    }
    if (!tk_platform_process_exists((int)pid) ||
        (start != 0 && start != tk_platform_process_start((int)pid))) {
        return "interrupted";
    }
    return "running";
}

int tk_journal_next(struct tk_journal *j, enum tk_journal_query query,
                    struct tk_cell cells[TK_JOURNAL_CELLS], int *count, struct tk_failure *err)
{
    sqlite3_stmt *s = j->statements[statement_of[query]];
    int code = sqlite3_step(s);

    if (code != SQLITE_ROW) {
        int result = code == SQLITE_DONE ? 0 : tk_journal_failed(j, "read", err);

        sqlite3_reset(s);
        return result;
    }
    *count = sqlite3_column_count(s);
    for (int i = 0; i < *count; i++) {
        read_cell(s, i, &cells[i]);
    }
    if (query == TK_JOURNAL_RUNS) {
        if (cell_named(cells, *count, "ended")->type == TK_CELL_NONE) {
            struct tk_cell *state = cell_named(cells, *count, "state");

            state->type = TK_CELL_TEXT;
            state->text = state_of_open_run(j, cells, *count);
            state->len = strlen(state->text);
        }
        (*count)--; // the last one, process_start, is of no use to readers
    }
    return 1;
}
