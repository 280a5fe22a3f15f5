// See secret.h.
#include "secret.h"

#include <ctype.h>
#include <string.h>
#include <uv.h>

#include "fs/fs.h"
#include "log/log.h"
#include "platform/platform.h"
#include "runtime/redact.h"

#define FILE_MAX 65536
#define PREFIX   "TAKEOVER_SECRET_"
// An encrypted file begins with this, the word for how, and a line end. Text otherwise.
#define MARK     "takeover secret encrypted by "
#define WORD_MAX 32

bool tk_secret_name_valid(const char *name)
{
    if (name[0] == '\0' || name[0] == '.' || strlen(name) > 128) {
        return false;
    }
    for (const char *p = name; *p; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr("_.-", *p))) {
            return false;
        }
    }
    return true;
}

static char *variable_name(const char *name)
{
    char *variable = tk_sprintf(PREFIX "%s", name);

    for (char *p = variable; *p; p++) {
        *p = *p == '-' || *p == '.' ? '_' : (char)toupper((unsigned char)*p);
    }
    return variable;
}

// False where the variable is absent or empty.
static bool from_environment(struct tk_buffer *out, const char *variable)
{
    size_t size = 256;
    char *text = tk_alloc(size);
    int code = uv_os_getenv(variable, text, &size);

    if (code == UV_ENOBUFS) {
        text = tk_realloc(text, size);
        code = uv_os_getenv(variable, text, &size);
    }
    if (code == 0 && size > 0) {
        tk_buffer_add(out, text, size);
    }
    tk_free_secret(text);
    return code == 0 && size > 0;
}

// Reads a file that nobody else may read or exchange.
static int read_file(struct tk_buffer *out, const char *path, struct tk_failure *err)
{
    struct tk_buffer why = {0};
    int result = tk_platform_read_judged(out, &why, path, FILE_MAX, TK_JUDGE_PRIVATE, err);

    if (result == 0 && why.len > 0) {
        result = tk_fail(err, TK_SECRET_UNSAFE, "the secret is not safe: %s", why.text);
        tk_fail_hint(err, "%s", tk_platform_private_hint());
        tk_fail_target(err, path);
    }
    tk_buffer_free(&why);
    return result;
}

static char *directory_of(const char *directory)
{
    return directory ? tk_strdup(directory)
                     : tk_sprintf("%s/secrets", tk_platform_state_directory());
}

static char *path_of(const char *directory, const char *name)
{
    char *in = directory_of(directory);
    char *path = tk_sprintf("%s/%s", in, name);

    tk_free(in);
    return path;
}

void tk_secret_forget(struct tk_buffer *text)
{
    tk_wipe(text->text, text->size);
    tk_buffer_free(text);
}

// ---- the file ----------------------------------------------------------------------------------

// The word in the first line of an encrypted file, "" where it is text; where the bytes after that
// line begin.
static size_t protection_of(char word[WORD_MAX], const struct tk_buffer *file)
{
    size_t len = strlen(MARK), i = 0;

    word[0] = '\0';
    if (file->len < len || memcmp(file->text, MARK, len) != 0) {
        return 0;
    }
    while (len + i < file->len && i + 1 < WORD_MAX && file->text[len + i] != '\n') {
        word[i] = file->text[len + i];
        i++;
    }
    if (len + i >= file->len || file->text[len + i] != '\n') {
        word[0] = '\0';
        return 0;
    }
    word[i] = '\0';
    return len + i + 1;
}

// Cuts the last line end off.
static void chomp(struct tk_buffer *text)
{
    if (text->len > 0 && text->text[text->len - 1] == '\n') {
        text->text[--text->len] = '\0';
        if (text->len > 0 && text->text[text->len - 1] == '\r') {
            text->text[--text->len] = '\0';
        }
    }
}

static int from_file(struct tk_buffer *out, const char *path, struct tk_failure *err)
{
    const char *protection = tk_platform_protection();
    struct tk_buffer file = {0};
    char word[WORD_MAX];
    size_t begin;
    int result = read_file(&file, path, err);

    if (result != 0) {
        goto done;
    }
    begin = protection_of(word, &file);
    if (begin == 0) {
        chomp(&file);
        tk_buffer_add(out, file.text ? file.text : "", file.len);
    } else if (protection && strcmp(protection, word) == 0) {
        result = tk_platform_unprotect(out, file.text + begin, file.len - begin, err);
    } else {
        result = tk_fail(err, TK_SECRET_UNREADABLE, "%s was encrypted elsewhere (%s)", path, word);
    }
    if (result != 0) {
        tk_fail_hint(err, "set it again on this computer: takeover secret set");
        tk_fail_target(err, path);
    }
done:
    tk_secret_forget(&file);
    return result;
}

int tk_secret_resolve(struct tk_buffer *out, const char *name, const char *directory,
                      struct tk_failure *err)
{
    char *variable = variable_name(name);
    char *path = path_of(directory, name);
    int result = 0;

    if (!from_environment(out, variable)) {
        result = from_file(out, path, err);
        if ((result != 0 && err->code == TK_FS_NOT_FOUND) || (result == 0 && out->len == 0)) {
            result = tk_fail(err, TK_SECRET_MISSING, "the secret \"%s\" is not there", name);
            tk_fail_hint(err,
                         "takeover secret set %s writes it into the file %s; or set the "
                         "environment variable %s",
                         name, path, variable);
            tk_fail_target(err, name);
        }
    }
    if (result == 0) {
        tk_secret_add(out->text, out->len);
    }
    tk_free(variable);
    tk_free(path);
    return result;
}

const char *tk_secret_mistake(const char *text, size_t len)
{
    if (len == 0) {
        return "it is empty";
    }
    if (len > TK_SECRET_MAX) {
        return "it is longer than 4096 bytes";
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '\0') {
            return "it has a zero byte; is it UTF-16? It must be UTF-8";
        }
        if (c == '\n' || c == '\r') {
            return "it has more than one line";
        }
        if (c < 0x20 || c == 0x7f) {
            return "it has a control character";
        }
    }
    return NULL;
}

// What the file will hold.
static int contents(struct tk_buffer *out, const char *text, size_t len, struct tk_failure *err)
{
    if (!tk_platform_protection()) {
        tk_buffer_add(out, text, len);
        tk_buffer_puts(out, "\n");
        return 0;
    }
    tk_buffer_printf(out, MARK "%s\n", tk_platform_protection());
    return tk_platform_protect(out, text, len, err);
}

// The directory, with its parents, such that nobody else can put another file into it.
static int prepare_directory(const char *directory, struct tk_failure *err)
{
    char *parent = tk_fs_directory(directory);
    struct tk_buffer why = {0};
    bool unused;
    int result = tk_fs_make_directory(parent, &unused, err);

    if (result == 0 && tk_platform_make_private_directory(directory, err) < 0) {
        result = -1;
    }
    if (result == 0) {
        result = tk_platform_unsafe(&why, directory, TK_JUDGE_CHANGE, err);
    }
    if (result == 0 && why.len > 0) {
        result = tk_fail(err, TK_SECRET_UNSAFE, "no secret is safe there: %s", why.text);
        tk_fail_hint(err, "take the right to change it away from others");
        tk_fail_target(err, directory);
    }
    tk_buffer_free(&why);
    tk_free(parent);
    return result;
}

int tk_secret_store(const char *name, const char *text, size_t len, const char *directory,
                    struct tk_failure *err)
{
    static unsigned counter;
    char *in = directory_of(directory);
    char *path = path_of(directory, name);
    char *beside = tk_sprintf("%s/.%s.%d-%u.new", in, name, uv_os_getpid(), counter++);
    struct tk_buffer file = {0};
    uv_fs_t request;
    bool unused;
    int code, result;

    tk_secret_add(text, len);
    result = prepare_directory(in, err);
    if (result == 0) {
        result = contents(&file, text, len, err);
    }
    if (result == 0) {
        result = tk_platform_write_private(beside, file.text, file.len, err);
    }
    if (result != 0) {
        goto done;
    }
    code = uv_fs_rename(NULL, &request, beside, path, NULL);
    uv_fs_req_cleanup(&request);
    if (code != 0) {
        struct tk_failure ignored;

        result = tk_fail(err, TK_FS_FAILED, "%s cannot be written: %s", path, uv_strerror(code));
        tk_fail_target(err, path);
        tk_fs_remove(beside, &unused, &ignored);
    } else {
        result = tk_platform_sync_directory(in, err);
    }
done:
    tk_secret_forget(&file);
    tk_free(in);
    tk_free(path);
    tk_free(beside);
    return result;
}

int tk_secret_remove(bool *changed, const char *name, const char *directory, struct tk_failure *err)
{
    char *path = path_of(directory, name);
    int result = tk_fs_remove(path, changed, err);

    tk_free(path);
    return result;
}

// ---- what there is -----------------------------------------------------------------------------

struct listing {
    const char *directory;
    tk_secret_add_entry add;
    void *self;
};

static void list_file(void *self, const char *name)
{
    const struct listing *list = self;
    struct tk_buffer file = {0};
    struct tk_failure err;
    struct tk_fs_info info;
    bool found = false;
    char word[WORD_MAX];
    char *path;

    if (!tk_secret_name_valid(name)) {
        return; // ours would be
    }
    path = path_of(list->directory, name);
    if (tk_fs_find(&info, &found, path, &err) == 0 && found && strcmp(info.kind, "file") == 0) {
        const char *problem = NULL;

        word[0] = '\0';
        if (read_file(&file, path, &err) != 0) {
            problem = err.message;
        } else if (protection_of(word, &file) > 0 &&
                   (!tk_platform_protection() || strcmp(word, tk_platform_protection()) != 0)) {
            problem = "it was encrypted on another system";
        } else if (file.len == 0) {
            problem = "it is empty";
        }
        list->add(list->self, name, word[0] ? word : "file", problem);
    }
    tk_secret_forget(&file);
    tk_free(path);
}

static void list_environment(const struct listing *list)
{
    uv_env_item_t *items;
    int count;

    if (uv_os_environ(&items, &count) != 0) {
        return;
    }
    for (int i = 0; i < count; i++) {
        if (strncmp(items[i].name, PREFIX, strlen(PREFIX)) == 0 && items[i].value[0] != '\0') {
            list->add(list->self, items[i].name + strlen(PREFIX), "environment", NULL);
        }
    }
    uv_os_free_environ(items, count);
}

int tk_secret_list(tk_secret_add_entry add, void *self, const char *directory,
                   struct tk_failure *err)
{
    char *in = directory_of(directory);
    struct listing list = {directory, add, self};
    int result = tk_fs_list(in, list_file, &list, err);

    if (result != 0 && err->code == TK_FS_NOT_FOUND) {
        result = 0;
    }
    if (result == 0) {
        list_environment(&list);
    }
    tk_free(in);
    return result;
}
