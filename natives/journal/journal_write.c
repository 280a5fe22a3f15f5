// Writing the journal: see journal.h. One row for each call to the outside, so a row costs one
// prepared statement and no sync.
#include <string.h>
#include <uv.h>

#include "journal_db.h"
#include "log/log.h"
#include "platform/platform.h"
#include "runtime/memory.h"
#include "runtime/redact.h"

#define RESERVE_BYTES 262144 // some hundred calls with their answers

static const char *const texts[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_BEGIN_RUN] = "INSERT INTO runs (began, command, vm, node, version, arguments, environment,"
                     " host, pid, process_start) VALUES (?,?,?,?,?,?,?,?,?,?)",
    [ST_RESERVE] = "INSERT INTO reserve VALUES (zeroblob(?))",
    [ST_RELEASE] = "DELETE FROM reserve",
    [ST_END_RUN] = "UPDATE runs SET ended=?2, state=?3, exit_code=?4, message=?5, failure=?6"
                   " WHERE id=?1",
    [ST_BEGIN_STEP] = "INSERT INTO steps (run, name, branch, began, state) VALUES (?,?,?,?,?)",
    [ST_END_STEP] = "UPDATE steps SET ended=?2, state=?3, attempts=?4, message=?5, failure=?6"
                    " WHERE id=?1",
    [ST_CALL] = "INSERT INTO calls (run, step, at, native, verb, kind, target, request, answer,"
                " failure, began, took, changed, branch, extra, cut)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [ST_NOTE] = "INSERT INTO notes (run, at, text, data) VALUES (?,?,?,?)",
    [ST_RUNS] =
        "SELECT id, command, vm, node, version, arguments, environment, began, ended,"
        " ended - began AS took, state, exit_code, message, failure, host, pid, process_start"
        " FROM runs WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR vm = ?2)"
        " AND (?3 IS NULL OR command = ?3) ORDER BY id DESC LIMIT ?4",
    [ST_STEPS] = "SELECT id, run, name, branch, began, ended, ended - began AS took, state,"
                 " attempts, message, failure FROM steps WHERE run = ?1 ORDER BY id LIMIT ?2",
    [ST_CALLS] = "SELECT id, run, step, at, native, verb, kind, target, request, answer, failure,"
                 " began, took, changed, branch, extra, cut FROM calls WHERE run = ?1"
                 " AND (?2 IS NULL OR step = ?2)"
                 " AND (?3 IS NULL OR kind = ?3) AND (?4 IS NULL OR native = ?4)"
                 " ORDER BY id LIMIT ?5",
    [ST_NOTES] = "SELECT id, run, at, text, data FROM notes WHERE run = ?1 ORDER BY id LIMIT ?2",
    [ST_DEVICE_TIMES] =
        "SELECT c.target AS device, s.state AS state, s.ended - s.began AS took FROM calls c"
        " JOIN steps s ON s.id = c.step WHERE c.native = 'eem' AND c.verb = 'connect'"
        " AND s.ended IS NOT NULL ORDER BY c.id DESC LIMIT ?1",
    [ST_STEP_TIMES] = "SELECT s.ended - s.began AS took FROM steps s JOIN runs r ON r.id = s.run"
                      " WHERE s.name = ?3 AND s.state = 'done' AND r.vm IS ?1 AND r.command IS ?2"
                      " AND r.state = 'succeeded' ORDER BY s.id DESC LIMIT ?4",
};

sqlite3_stmt *tk_journal_statement(struct tk_journal *j, enum tk_statement which,
                                   struct tk_failure *err)
{
    sqlite3_stmt **statement = &j->statements[which];

    if (*statement) {
        sqlite3_reset(*statement);
        sqlite3_clear_bindings(*statement);
    } else if (sqlite3_prepare_v3(j->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement,
                                  NULL) != SQLITE_OK) {
        tk_journal_failed(j, "used", err);
        return NULL;
    }
    return *statement;
}

// Every text goes in here.
static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    struct tk_buffer clean = {0};

    if (!text) {
        return; // null already
    }
    tk_redact(&clean, text, strlen(text));
    sqlite3_bind_text64(statement, index, clean.text ? clean.text : "", clean.len, SQLITE_TRANSIENT,
                        SQLITE_UTF8);
    tk_buffer_free(&clean);
}

// Runs a prepared statement to its end; `rows` (may be NULL) gets how many rows it changed.
static int finish(struct tk_journal *j, sqlite3_stmt *statement, int *rows, struct tk_failure *err)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        tk_journal_failed(j, "written", err);
        sqlite3_reset(statement);
        return -1;
    }
    if (rows) {
        *rows = sqlite3_changes(j->db);
    }
    sqlite3_reset(statement);
    return 0;
}

static int run_statement(struct tk_journal *j, enum tk_statement which, struct tk_failure *err)
{
    sqlite3_stmt *statement = tk_journal_statement(j, which, err);

    return statement ? finish(j, statement, NULL, err) : -1;
}

// From now on every commit reaches the disk before it returns, or not (see journal.h).
static int set_sync(struct tk_journal *j, bool full, struct tk_failure *err)
{
    int code = sqlite3_exec(j->db, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
                            NULL, NULL, NULL);

    return code == SQLITE_OK ? 0 : tk_journal_failed(j, "written", err);
}

static int insert_run(struct tk_journal *j, const struct tk_journal_run *run, int64_t *id,
                      struct tk_failure *err)
{
    sqlite3_stmt *s = tk_journal_statement(j, ST_BEGIN_RUN, err);
    int pid = uv_os_getpid();

    if (!s) {
        return -1;
    }
    sqlite3_bind_double(s, 1, tk_journal_now(j));
    bind_text(s, 2, run->command);
    bind_text(s, 3, run->vm);
    bind_text(s, 4, run->node);
    bind_text(s, 5, run->version);
    bind_text(s, 6, run->arguments_json);
    bind_text(s, 7, run->environment_json);
    bind_text(s, 8, j->host);
    sqlite3_bind_int(s, 9, pid);
    sqlite3_bind_int64(s, 10, (sqlite3_int64)tk_platform_process_start(pid));
    if (finish(j, s, NULL, err) != 0) {
        return -1;
    }
    *id = sqlite3_last_insert_rowid(j->db);
    return 0;
}

// Writes a block and takes it out again: the write-ahead log and the file have grown by then and
// keep their size, so what follows fits even when others fill the disk meanwhile.
static int begin_with_reserve(struct tk_journal *j, const struct tk_journal_run *run, int64_t *id,
                              struct tk_failure *err)
{
    sqlite3_stmt *s;

    if (run_statement(j, ST_BEGIN, err) != 0 || insert_run(j, run, id, err) != 0) {
        return -1;
    }
    s = tk_journal_statement(j, ST_RESERVE, err);
    if (!s) {
        return -1;
    }
    sqlite3_bind_int(s, 1, RESERVE_BYTES);
    if (finish(j, s, NULL, err) != 0 || run_statement(j, ST_COMMIT, err) != 0 ||
        run_statement(j, ST_RELEASE, err) != 0) {
        return -1;
    }
    if (sqlite3_wal_checkpoint_v2(j->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) ==
        SQLITE_FULL) {
        return tk_journal_failed(j, "written", err);
    }
    return 0;
}

static int begin_synced(struct tk_journal *j, const struct tk_journal_run *run, int64_t *id,
                        struct tk_failure *err)
{
    struct tk_failure ignored;
    int result = set_sync(j, true, err);

    if (result == 0) {
        result = begin_with_reserve(j, run, id, err);
        if (result != 0 && !sqlite3_get_autocommit(j->db)) {
            sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
        }
        set_sync(j, false, &ignored);
    }
    return result;
}

int tk_journal_begin_run(struct tk_journal *j, const struct tk_journal_run *run, int64_t *id,
                         struct tk_failure *err)
{
    int result = begin_synced(j, run, id, err);

    if (result != 0 && j->damaged && tk_journal_begin_anew(j, err) == 0) {
        result = begin_synced(j, run, id, err);
    }
    return result;
}

static int no_such(const struct tk_journal *j, const char *what, int64_t id, struct tk_failure *err)
{
    tk_fail(err, TK_JOURNAL_FAILED, "the journal %s has no %s %lld", j->path, what, (long long)id);
    return tk_fail_target(err, j->path);
}

int tk_journal_end_run(struct tk_journal *j, int64_t run, const struct tk_journal_result *result,
                       struct tk_failure *err)
{
    struct tk_failure ignored;
    sqlite3_stmt *s = tk_journal_statement(j, ST_END_RUN, err);
    int rows = 0, code;

    if (!s || set_sync(j, true, err) != 0) {
        return -1;
    }
    sqlite3_bind_int64(s, 1, run);
    sqlite3_bind_double(s, 2, tk_journal_now(j));
    bind_text(s, 3, result->state);
    sqlite3_bind_int64(s, 4, result->exit_code);
    bind_text(s, 5, result->message);
    bind_text(s, 6, result->failure_json);
    code = finish(j, s, &rows, err);
    set_sync(j, false, &ignored);
    return code == 0 && rows == 0 ? no_such(j, "run", run, err) : code;
}

int tk_journal_begin_step(struct tk_journal *j, int64_t run, const char *name, const char *branch,
                          const char *state, int64_t *id, struct tk_failure *err)
{
    sqlite3_stmt *s = tk_journal_statement(j, ST_BEGIN_STEP, err);

    if (!s) {
        return -1;
    }
    sqlite3_bind_int64(s, 1, run);
    bind_text(s, 2, name);
    bind_text(s, 3, branch);
    sqlite3_bind_double(s, 4, tk_journal_now(j));
    bind_text(s, 5, state);
    if (finish(j, s, NULL, err) != 0) {
        return -1;
    }
    *id = sqlite3_last_insert_rowid(j->db);
    return 0;
}

int tk_journal_end_step(struct tk_journal *j, int64_t step, const struct tk_journal_result *result,
                        struct tk_failure *err)
{
    sqlite3_stmt *s = tk_journal_statement(j, ST_END_STEP, err);
    int rows = 0;

    if (!s) {
        return -1;
    }
    sqlite3_bind_int64(s, 1, step);
    sqlite3_bind_double(s, 2, tk_journal_now(j));
    bind_text(s, 3, result->state);
    if (result->attempts >= 0) {
        sqlite3_bind_int64(s, 4, result->attempts);
    }
    bind_text(s, 5, result->message);
    bind_text(s, 6, result->failure_json);
    if (finish(j, s, &rows, err) != 0) {
        return -1;
    }
    return rows == 0 ? no_such(j, "step", step, err) : 0;
}

static int insert_call(struct tk_journal *j, const struct tk_journal_call *call,
                       struct tk_failure *err)
{
    sqlite3_stmt *s = tk_journal_statement(j, ST_CALL, err);

    if (!s) {
        return -1;
    }
    sqlite3_bind_int64(s, 1, call->run);
    if (call->step != 0) {
        sqlite3_bind_int64(s, 2, call->step);
    }
    sqlite3_bind_double(s, 3, tk_journal_now(j));
    bind_text(s, 4, call->native);
    bind_text(s, 5, call->verb);
    bind_text(s, 6, call->kind);
    bind_text(s, 7, call->target);
    bind_text(s, 8, call->request_json);
    bind_text(s, 9, call->answer_json);
    bind_text(s, 10, call->failure_json);
    sqlite3_bind_double(s, 11, call->began);
    sqlite3_bind_double(s, 12, call->took);
    if (call->changed >= 0) {
        sqlite3_bind_int(s, 13, call->changed);
    }
    bind_text(s, 14, call->branch);
    bind_text(s, 15, call->extra_json);
    if (call->cut >= 0) {
        sqlite3_bind_int64(s, 16, call->cut);
    }
    return finish(j, s, NULL, err);
}

int tk_journal_call(struct tk_journal *j, struct tk_journal_call *call, struct tk_failure *err)
{
    int result = insert_call(j, call, err);

    if (result != 0 && call->answer_json && (sqlite3_errcode(j->db) & 0xff) == SQLITE_FULL) {
        call->cut = (int64_t)strlen(call->answer_json);
        call->answer_json = NULL;
        result = insert_call(j, call, err);
    }
    return result;
}

int tk_journal_note(struct tk_journal *j, int64_t run, const char *text, const char *data_json,
                    struct tk_failure *err)
{
    sqlite3_stmt *s = tk_journal_statement(j, ST_NOTE, err);

    if (!s) {
        return -1;
    }
    sqlite3_bind_int64(s, 1, run);
    sqlite3_bind_double(s, 2, tk_journal_now(j));
    bind_text(s, 3, text);
    bind_text(s, 4, data_json);
    return finish(j, s, NULL, err);
}
