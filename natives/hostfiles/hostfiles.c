// See hostfiles.h.
#include "hostfiles.h"

#include <string.h>

#define NOT_FOUND      9
#define IN_USE         15
#define FILE_CLASS     "CIM_DataFile"
#define DIRECTORY      "Win32_Directory"
#define NO_SUCH_METHOD UINT32_MAX

// Return values of CIM_LogicalFile's methods, as Microsoft's reference has them.
static const struct {
    uint64_t number;
    const char *words;
} return_values[] = {
    {2, "access denied"},
    {8, "unspecified failure"},
    {NOT_FOUND, "no such object, or not a possible name"},
    {10, "it exists already"},
    {11, "the file system is not NTFS"},
    {13, "on another drive"},
    {14, "the directory is not empty"},
    {IN_USE, "in use (sharing violation)"},
    {16, "invalid start file"},
    {17, "a privilege is not held"},
    {21, "invalid parameter"},
};

void tk_hostfile_list_clear(struct tk_hostfile_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tk_free(list->items[i].path);
        tk_free(list->items[i].name);
        tk_free(list->items[i].modified);
    }
    tk_free(list->items);
    memset(list, 0, sizeof *list);
}

// ---- paths

static bool is_slash(char c)
{
    return c == '\\' || c == '/';
}

char *tk_hostfile_path(const char *path)
{
    bool letter = (path[0] >= 'a' && path[0] <= 'z') || (path[0] >= 'A' && path[0] <= 'Z');
    size_t len = 0;
    char *out;

    if (!letter || path[1] != ':' || !is_slash(path[2])) {
        return NULL;
    }
    out = tk_alloc(strlen(path) + 1);
    for (; *path; path++) {
        char c = is_slash(*path) ? '\\' : *path;

        if (c != '\\' || len == 0 || out[len - 1] != '\\') {
            out[len++] = c;
        }
    }
    if (len > 3 && out[len - 1] == '\\') {
        len--;
    }
    out[len] = '\0';
    return out;
}

// Class.Name="path"
static char *object_path(const char *path, bool directory)
{
    struct tk_cim_object *o = tk_cim_new(directory ? DIRECTORY : FILE_CLASS);
    char *text;

    tk_cim_set(o, "Name", TK_CIM_STRING, path);
    text = tk_cim_path_of(o);
    tk_cim_free(o);
    return text;
}

// ---- looking

// WMI tells names in lower case; only Name has them with their extension.
static void take_file(struct tk_hostfile_list *out, const struct tk_cim_object *o)
{
    const char *path = tk_cim_text(o, "Name"), *slash, *modified;
    struct tk_hostfile *f;

    if (!path) {
        return;
    }
    f = &out->items[out->count++];
    slash = strrchr(path, '\\');
    modified = tk_cim_text(o, "LastModified");
    f->path = tk_strdup(path);
    f->name = tk_strdup(slash ? slash + 1 : path);
    f->modified = tk_strdup(modified ? modified : "");
    f->size_bytes = tk_cim_uint_or(o, "FileSize", 0);
}

static int query(struct tk_hostfile_list *out, struct tk_wmi *wmi, const char *wql,
                 const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_list objects = {0};
    int result;

    memset(out, 0, sizeof *out);
    result = tk_wmi_query(&objects, wmi, wql, limit, err);
    if (result == 0) {
        out->items = tk_alloc((objects.count + 1) * sizeof *out->items);
        for (size_t i = 0; i < objects.count; i++) {
            take_file(out, objects.items[i]);
        }
    }
    tk_cim_list_free(&objects);
    return result;
}

// Drive and Path together are what WMI finds quickly; Path has a backslash at both ends.
int tk_hostfile_ls(struct tk_hostfile_list *out, struct tk_wmi *wmi, const char *directory,
                   const struct tk_limit *limit, struct tk_failure *err)
{
    char *below = tk_sprintf("%s%s", directory + 2, directory[3] ? "\\" : "");
    char *quoted = tk_wql_quote(below);
    char *wql = tk_sprintf("SELECT * FROM " FILE_CLASS " WHERE Drive='%.2s' AND Path='%s'",
                           directory, quoted);
    int result = query(out, wmi, wql, limit, err);

    tk_free(below);
    tk_free(quoted);
    tk_free(wql);
    return result;
}

int tk_hostfile_find(struct tk_hostfile_list *out, struct tk_wmi *wmi, const char *path,
                     bool directory, const struct tk_limit *limit, struct tk_failure *err)
{
    char *quoted = tk_wql_quote(path);
    char *wql =
        tk_sprintf("SELECT * FROM %s WHERE Name='%s'", directory ? DIRECTORY : FILE_CLASS, quoted);
    int result = query(out, wmi, wql, limit, err);

    tk_free(quoted);
    tk_free(wql);
    return result;
}

// ---- changing

static int judge(struct tk_failure *err, const struct tk_cim_object *answer, const char *method,
                 const char *path)
{
    uint64_t code = tk_cim_uint_or(answer, "ReturnValue", NO_SUCH_METHOD);
    const char *words = "failed";

    if (code == 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof return_values / sizeof return_values[0]; i++) {
        if (return_values[i].number == code) {
            words = return_values[i].words;
        }
    }
    tk_fail(err, code == NOT_FOUND ? TK_FS_NOT_FOUND : TK_FS_FAILED, "%s of %.300s: %s (%llu)",
            method, path, words, (unsigned long long)code);
    err->hresult = (uint32_t)code;
    err->transient = code == IN_USE;
    return tk_fail_target(err, path);
}

static int call(struct tk_wmi *wmi, const char *method, bool directory, const char *path,
                const char *to, const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_cim_object *in = NULL, *answer = NULL;
    char *object = object_path(path, directory);
    int result;

    if (to) {
        in = tk_cim_new("");
        tk_cim_set(in, "FileName", TK_CIM_STRING, to);
    }
    result = tk_wmi_call(&answer, wmi, object, method, in, limit, err);
    if (result == 0) {
        result = judge(err, answer, method, path);
    } else if (err->code == TK_WMI_NOT_FOUND) {
        tk_fail(err, TK_FS_NOT_FOUND, "there is no %s %.300s", directory ? "directory" : "file",
                path);
    }
    if (result != 0) {
        tk_fail_target(err, path);
    }
    tk_free(object);
    tk_cim_free(in);
    tk_cim_free(answer);
    return result;
}

int tk_hostfile_move(struct tk_wmi *wmi, const char *method, bool directory, const char *from,
                     const char *to, const struct tk_limit *limit, struct tk_failure *err)
{
    return call(wmi, method, directory, from, to, limit, err);
}

int tk_hostfile_delete(bool *changed, struct tk_wmi *wmi, const char *path, bool directory,
                       const struct tk_limit *limit, struct tk_failure *err)
{
    struct tk_hostfile_list found = {0};
    int result = tk_hostfile_find(&found, wmi, path, directory, limit, err);

    *changed = false;
    if (result == 0 && found.count > 0) {
        result = call(wmi, "Delete", directory, path, NULL, limit, err);
        *changed = result == 0;
    }
    tk_hostfile_list_clear(&found);
    return result;
}
