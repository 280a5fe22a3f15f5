// See secret.h.
#include "secret.h"

#include <ctype.h>
#include <string.h>
#include <uv.h>

#include "fs.h"
#include "log.h"
#include "platform.h"

#define SECRET_MAX 65536
#define PREFIX     "TAKEOVER_SECRET_"

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
    tk_free(text);
    return code == 0 && size > 0;
}

static int check_file(const char *path, struct tk_failure *err)
{
    struct tk_buffer why = {0};
    int result = tk_platform_readable_by_others(&why, path, err);

    if (result == 0 && why.len == 0) {
        result = tk_platform_unsafe(&why, path, err);
    }
    if (result == 0 && why.len > 0) {
        result = tk_fail(err, TK_SECRET_UNSAFE, "the secret is not safe: %s", why.text);
        tk_fail_hint(err,
                     "give the file to root or to the user that runs this, and take the rights "
                     "of all others away: chmod 600");
        tk_fail_target(err, path);
    }
    tk_buffer_free(&why);
    return result;
}

int tk_secret_resolve(struct tk_buffer *out, const char *name, const char *directory,
                      struct tk_failure *err)
{
    char *variable = variable_name(name);
    char *path = directory ? tk_sprintf("%s/%s", directory, name)
                           : tk_sprintf("%s/secrets/%s", tk_platform_state_directory(), name);
    int result = 0;

    if (!from_environment(out, variable)) {
        result = check_file(path, err);
        if (result == 0) {
            result = tk_fs_read(out, path, SECRET_MAX, err);
        }
        if (result == 0 && out->len > 0 && out->text[out->len - 1] == '\n') {
            out->text[--out->len] = '\0';
            if (out->len > 0 && out->text[out->len - 1] == '\r') {
                out->text[--out->len] = '\0';
            }
        }
        if ((result != 0 && err->code == TK_FS_NOT_FOUND) || (result == 0 && out->len == 0)) {
            result = tk_fail(err, TK_SECRET_MISSING, "the secret \"%s\" is not there", name);
            tk_fail_hint(err, "set the environment variable %s, or write it into the file %s",
                         variable, path);
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
