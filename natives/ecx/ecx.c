// See ecx.h. clpstat prints sections headed "<server>", "<group>", "<monitor>"; in each, an entry
// is "name ....: State" (a '*' marks the own server) and what belongs to it is indented further, as
// the group's "current : server". Field reports differ in widths and dots, so only the order, the
// colon and the indentation are relied on.
#include "ecx.h"

#include <ctype.h>
#include <string.h>

#include "runtime/memory.h"

const struct tk_ecx_variable tk_ecx_variables[] = {
    {"event", {"CLP_EVENT", NULL}, true},
    {"factor", {"CLP_FACTOR", NULL}, true},
    {"server", {"CLP_SERVER", NULL}, true},
    {"disk", {"CLP_DISK", NULL}, true},
    {"group", {"CLP_GROUPNAME", NULL}, false},
    {"resource", {"CLP_RESNAME", "CLP_RESOURCENAME"}, false},
    {"script_path", {"CLP_SCRIPT_PATH", NULL}, false},
    {"path", {"CLP_PATH", NULL}, false},
    {"os", {"CLP_OSNAME", NULL}, false},
    {"version", {"CLP_VERSION_FULL", NULL}, false},
    {"previous_server", {"CLP_SERVER_PREV", NULL}, false},
    {"priority", {"CLP_PRIORITY", NULL}, false},
    {"action", {"CLP_ACTION", NULL}, true},
    {"last_action", {"CLP_LASTACTION", NULL}, true},
    {"monitor", {"CLP_MONITORNAME", NULL}, false},
    {"result", {"CLP_RESULT", NULL}, true},
    {"timing", {"CLP_TIMING", NULL}, true},
    {NULL, {NULL, NULL}, false},
};

enum section { OTHER, SERVERS, GROUPS };

struct line {
    size_t column; // of the name
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

// Splits "  *name ....: value   remark". False where there is no colon or no name.
static bool split(struct line *out, const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    const char *end = text + len, *p = text;

    if (!colon) {
        return false;
    }
    while (p < colon && (*p == ' ' || *p == '\t' || *p == '*')) {
        p++;
    }
    out->column = (size_t)(p - text);
    out->name = p;
    p = colon;
    while (p > out->name && (p[-1] == ' ' || p[-1] == '\t' || p[-1] == '.')) {
        p--;
    }
    out->name_len = (size_t)(p - out->name);
    p = colon + 1;
    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    out->value = p;
    while (p < end && *p != '\t' && *p != '\r' && !(*p == ' ' && (p + 1 == end || p[1] == ' '))) {
        p++; // two blanks end it: a remark follows
    }
    out->value_len = (size_t)(p - out->value);
    return out->name_len > 0;
}

static char *lower(const char *text, size_t len)
{
    char *copy = tk_strndup(text, len);

    for (char *p = copy; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return copy;
}

static bool equals(const char *text, size_t len, const char *word)
{
    if (strlen(word) != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (tolower((unsigned char)text[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

static enum section section_of(const char *text, size_t len)
{
    if (len >= 8 && memcmp(text, "<server>", 8) == 0) {
        return SERVERS;
    }
    return len >= 7 && memcmp(text, "<group>", 7) == 0 ? GROUPS : OTHER;
}

static struct tk_ecx_entry *add_entry(struct tk_ecx_status *out, const struct line *line)
{
    struct tk_ecx_entry *entry;

    out->entries = tk_realloc(out->entries, (out->count + 1) * sizeof *out->entries);
    entry = &out->entries[out->count++];
    memset(entry, 0, sizeof *entry);
    entry->name = tk_strndup(line->name, line->name_len);
    entry->state = lower(line->value, line->value_len);
    return entry;
}

static void read_entry(struct tk_ecx_status *out, enum section section, size_t *column,
                       const char *text, size_t len)
{
    struct line line;

    if (section == OTHER || !split(&line, text, len)) {
        return;
    }
    if (*column == 0 || line.column <= *column) {
        *column = line.column;
        add_entry(out, &line)->is_group = section == GROUPS;
    } else if (section == GROUPS && equals(line.name, line.name_len, "current") &&
               line.value_len > 0 && !equals(line.value, line.value_len, "-") &&
               !equals(line.value, line.value_len, "none")) {
        struct tk_ecx_entry *group = &out->entries[out->count - 1];

        tk_free(group->server);
        group->server = tk_strndup(line.value, line.value_len);
    }
}

void tk_ecx_status_parse(struct tk_ecx_status *out, const char *text)
{
    enum section section = OTHER;
    size_t column = 0; // where the names of the section's entries begin; 0: not seen yet

    memset(out, 0, sizeof *out);
    while (*text) {
        size_t len = strcspn(text, "\n");
        size_t blanks = strspn(text, " \t");

        if (blanks < len && text[blanks] == '<') {
            section = section_of(text + blanks, len - blanks);
            column = 0;
        } else {
            read_entry(out, section, &column, text, len);
        }
        text += len + (text[len] == '\n');
    }
}

void tk_ecx_status_free(struct tk_ecx_status *status)
{
    for (size_t i = 0; i < status->count; i++) {
        tk_free(status->entries[i].name);
        tk_free(status->entries[i].state);
        tk_free(status->entries[i].server);
    }
    tk_free(status->entries);
    memset(status, 0, sizeof *status);
}
