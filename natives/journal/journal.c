// Opening, closing and describing the journal: see journal.h. WAL, because readers (history,
// report) then never disturb a failover and a killed process leaves a file that just opens again.
#include "journal.h"

#include <string.h>
#include <uv.h>

#include "fs/fs.h"
#include "journal_db.h"
#include "platform/platform.h"
#include "runtime/memory.h"

#define APPLICATION_ID 0x546b4f76 // "TkOv"
#define BUSY_MS        5000
#define LENGTH_MAX     (16 << 20)

// The schema grows by appending a text; user_version counts those that were run.
static const char *const migrations[] = {
    "CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, began REAL NOT NULL, ended REAL,"
    " command TEXT, vm TEXT, node TEXT, version TEXT, arguments TEXT, environment TEXT,"
    " host TEXT NOT NULL, pid INTEGER NOT NULL, process_start INTEGER NOT NULL,"
    " state TEXT, exit_code INTEGER, message TEXT, failure TEXT);"
    "CREATE INDEX runs_vm ON runs (vm, command);"
    "CREATE TABLE steps (id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs,"
    " name TEXT NOT NULL, branch TEXT, began REAL NOT NULL, ended REAL, state TEXT,"
    " attempts INTEGER, message TEXT, failure TEXT);"
    "CREATE INDEX steps_run ON steps (run);"
    "CREATE INDEX steps_name ON steps (name, state);"
    "CREATE TABLE calls (id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs,"
    " step INTEGER REFERENCES steps, at REAL NOT NULL, native TEXT NOT NULL, verb TEXT NOT NULL,"
    " kind TEXT NOT NULL, target TEXT, request TEXT, answer TEXT, failure TEXT, began REAL,"
    " took REAL, changed INTEGER);"
    "CREATE INDEX calls_run ON calls (run);"
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs,"
    " at REAL NOT NULL, text TEXT NOT NULL, data TEXT);"
    "CREATE INDEX notes_run ON notes (run);"
    "CREATE TABLE reserve (bytes BLOB);",
    "ALTER TABLE calls ADD COLUMN branch TEXT;"
    "ALTER TABLE calls ADD COLUMN extra TEXT;"
    "ALTER TABLE calls ADD COLUMN cut INTEGER;",
    "CREATE INDEX calls_connect ON calls (id) WHERE native = 'eem' AND verb = 'connect';",
};
#define SCHEMA_VERSION ((int)(sizeof migrations / sizeof migrations[0]))

static const char *hint_for(int code)
{
    switch (code) {
    case SQLITE_FULL:
        return "the disk is full: make room on it";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return "the file or its directory may not be written by this account, or the disk is "
               "mounted read-only";
    case SQLITE_CANTOPEN:
        return "look whether the directory exists and this account may use it";
    case SQLITE_NOTADB:
        return "the file is not a journal: name another one, or move it away";
    case SQLITE_CORRUPT:
        return "the file is damaged: the next run moves it aside and begins a new one; no decision "
               "depends on it";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another process holds the journal";
    case SQLITE_IOERR:
        return "the disk reports an error: is it full?";
    default:
        return "";
    }
}

int tk_journal_failed(struct tk_journal *j, const char *what, struct tk_failure *err)
{
    int code = j->db ? sqlite3_errcode(j->db) & 0xff : SQLITE_NOMEM;

    j->damaged = j->damaged || code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    tk_fail(err, TK_JOURNAL_FAILED, "the journal %s cannot be %s: %s", j->path, what,
            j->db ? sqlite3_errmsg(j->db) : "no memory");
    tk_fail_hint(err, "%s", hint_for(code));
    return tk_fail_target(err, j->path);
}

static int refused(const struct tk_journal *j, struct tk_failure *err, const char *why,
                   const char *hint)
{
    tk_fail(err, TK_JOURNAL_FAILED, "the journal %s cannot be opened: %s", j->path, why);
    tk_fail_hint(err, "%s", hint);
    return tk_fail_target(err, j->path);
}

static int run_sql(struct tk_journal *j, const char *sql, struct tk_failure *err)
{
    return sqlite3_exec(j->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : tk_journal_failed(j, "opened", err);
}

// The one number that a statement gives.
static int read_number(struct tk_journal *j, const char *sql, int *number, struct tk_failure *err)
{
    sqlite3_stmt *statement = NULL;
    int result = 0;

    if (sqlite3_prepare_v2(j->db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        result = tk_journal_failed(j, "opened", err);
    } else {
        *number = sqlite3_column_int(statement, 0);
    }
    sqlite3_finalize(statement);
    return result;
}

// WAL where the file system can (it needs shared memory between processes), else the old way.
static int set_journal_mode(struct tk_journal *j, struct tk_failure *err)
{
    int code = sqlite3_exec(j->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);

    if ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_PROTOCOL) {
        code = sqlite3_exec(j->db, "PRAGMA journal_mode=TRUNCATE", NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? 0 : tk_journal_failed(j, "opened", err);
}

static int migrate(struct tk_journal *j, struct tk_failure *err)
{
    char sql[96];
    int version = 0;

    // Another process may be doing the same: look again once nobody else can write.
    if (run_sql(j, "BEGIN IMMEDIATE", err) != 0 ||
        read_number(j, "PRAGMA user_version", &version, err) != 0) {
        return -1;
    }
    for (; version < SCHEMA_VERSION; version++) {
        if (run_sql(j, migrations[version], err) != 0) {
            return -1;
        }
    }
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
                     APPLICATION_ID, version);
    return run_sql(j, sql, err);
}

static int prepare_schema(struct tk_journal *j, bool read_only, struct tk_failure *err)
{
    int version = 0, application = 0, tables = 0;

    if (read_number(j, "PRAGMA user_version", &version, err) != 0 ||
        read_number(j, "PRAGMA application_id", &application, err) != 0 ||
        read_number(j, "SELECT count(*) FROM sqlite_master", &tables, err) != 0) {
        return -1;
    }
    if (read_only && tables == 0) { // the disk was full, or its writer died, before it was begun
        return refused(j, err, "nothing is written in it yet", "the next run begins it");
    }
    if (application != APPLICATION_ID && tables > 0) {
        return refused(j, err, "it is a database of something else", hint_for(SQLITE_NOTADB));
    }
    if (version > SCHEMA_VERSION) {
        return refused(j, err, "a newer version of Takeover has written it",
                       "update this Takeover, or name another journal");
    }
    if (read_only) {
        return version == SCHEMA_VERSION
                   ? 0
                   : refused(j, err, "an older version of Takeover has written it",
                             "open it once for writing, which brings it up to date");
    }
    if (set_journal_mode(j, err) != 0) {
        return -1;
    }
    return version < SCHEMA_VERSION ? migrate(j, err) : 0;
}

static int make_directory(struct tk_journal *j, struct tk_failure *err)
{
    char *directory = tk_fs_directory(j->path);
    struct tk_failure why;
    bool changed;
    int result = tk_fs_make_directory(directory, &changed, &why);

    if (result != 0) {
        tk_fail(err, TK_JOURNAL_FAILED, "the directory of the journal cannot be made: %s",
                why.message);
        tk_fail_hint(err, "%s",
                     why.hint[0] ? why.hint : "make it by hand, or name another journal");
        tk_fail_target(err, j->path);
    }
    tk_free(directory);
    return result;
}

// The file and what SQLite keeps beside it are for the running user alone.
static int make_private(struct tk_journal *j, struct tk_failure *err)
{
    static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
    struct tk_buffer why = {0};
    struct tk_failure problem;
    int result = 0;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && result == 0 && why.len == 0; i++) {
        char *path = tk_sprintf("%s%s", j->path, parts[i]);
        struct tk_fs_info info;
        bool there = i == 0;

        if (!there && tk_fs_find(&info, &there, path, &problem) != 0) {
            there = true; // the same again, and it is told
        }
        result = there ? tk_platform_private_file(&why, path, &problem) : 0;
        tk_free(path);
    }
    if (result != 0 || why.len > 0) {
        result = tk_fail(err, TK_JOURNAL_FAILED, "the journal %s cannot be opened: %s", j->path,
                         result != 0 ? problem.message : why.text);
        tk_fail_hint(err, "%s", hint_for(SQLITE_CANTOPEN));
        tk_fail_target(err, j->path);
    }
    tk_buffer_free(&why);
    return result;
}

static int open_file(struct tk_journal *j, bool read_only, struct tk_failure *err)
{
    int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

    if (!read_only && (make_directory(j, err) != 0 || make_private(j, err) != 0)) {
        return -1;
    }
    if (sqlite3_open_v2(j->path, &j->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        return tk_journal_failed(j, "opened", err);
    }
    sqlite3_busy_timeout(j->db, BUSY_MS);
    sqlite3_limit(j->db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    if (run_sql(j, "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF", err) != 0 ||
        prepare_schema(j, read_only, err) != 0) {
        return -1;
    }
    return run_sql(j, "PRAGMA synchronous=NORMAL", err);
}

static void close_file(struct tk_journal *j)
{
    for (int i = 0; i < ST_COUNT; i++) {
        sqlite3_finalize(j->statements[i]);
        j->statements[i] = NULL;
    }
    sqlite3_close(j->db);
    j->db = NULL;
}

int tk_journal_begin_anew(struct tk_journal *j, struct tk_failure *err)
{
    static const char *const beside[] = {"-wal", "-shm", "-journal"};
    char *aside = tk_sprintf("%s.damaged-%lld", j->path, (long long)j->wall_at_open);
    uv_fs_t request;
    int code;

    close_file(j);
    j->damaged = false;
    code = uv_fs_rename(NULL, &request, j->path, aside, NULL);
    uv_fs_req_cleanup(&request);
    if (code != 0) {
        tk_free(aside);
        tk_fail(err, TK_JOURNAL_FAILED, "the damaged journal %s cannot be moved aside: %s", j->path,
                uv_strerror(code));
        return tk_fail_target(err, j->path);
    }
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        char *from = tk_sprintf("%s%s", j->path, beside[i]);
        char *to = tk_sprintf("%s%s", aside, beside[i]);

        uv_fs_rename(NULL, &request, from, to, NULL); // mostly there is none
        uv_fs_req_cleanup(&request);
        tk_free(from);
        tk_free(to);
    }
    tk_free(j->aside);
    j->aside = aside;
    return open_file(j, false, err);
}

const char *tk_journal_aside(const struct tk_journal *j)
{
    return j->aside;
}

int tk_journal_open(struct tk_journal **out, const char *path, bool read_only,
                    struct tk_failure *err)
{
    struct tk_journal *j = tk_alloc(sizeof *j);
    size_t size = sizeof j->host;
    uv_timeval64_t now;
    int result;

    *out = NULL;
    j->path = tk_strdup(path);
    uv_os_gethostname(j->host, &size);
    uv_gettimeofday(&now);
    j->wall_at_open = (double)now.tv_sec + (double)now.tv_usec / 1e6;
    j->hrtime_at_open = uv_hrtime();
    result = open_file(j, read_only, err);
    if (result != 0 && !read_only && j->damaged) {
        result = tk_journal_begin_anew(j, err);
    }
    if (result != 0) {
        tk_journal_close(j);
        return -1;
    }
    *out = j;
    return 0;
}

void tk_journal_close(struct tk_journal *j)
{
    if (!j) {
        return;
    }
    close_file(j);
    tk_free(j->aside);
    tk_free(j->path);
    tk_free(j);
}

double tk_journal_now(const struct tk_journal *j)
{
    return j->wall_at_open + (double)(uv_hrtime() - j->hrtime_at_open) / 1e9;
}
