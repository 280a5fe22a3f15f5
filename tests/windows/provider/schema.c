// Classes of the simulated WMI: see provider.h. Read once from the file of the key `signatures`.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"

static struct class *classes;
static size_t class_count;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

static void add_field(struct fields *fields, char *type, const char *name)
{
    char *bracket = strchr(type, '[');
    struct field *f;

    fields->items = tk_realloc(fields->items, (fields->count + 1) * sizeof *fields->items);
    f = &fields->items[fields->count++];
    f->is_array = bracket != NULL;
    if (bracket) {
        *bracket = '\0';
    }
    f->name = tk_strdup(name);
    f->type = strcmp(type, "object") == 0      ? TK_CIM_INSTANCE
              : strcmp(type, "reference") == 0 ? TK_CIM_REFERENCE
                                               : tk_cim_type_find(type);
}

static void begin_class(const char *name_space, const char *name)
{
    struct class *c;

    classes = tk_realloc(classes, (class_count + 1) * sizeof *classes);
    c = &classes[class_count++];
    memset(c, 0, sizeof *c);
    c->name_space = tk_strdup(name_space);
    c->name = tk_strdup(name);
}

static void begin_method(struct class *c, const char *name)
{
    struct method *m;
    char type[] = "uint32";

    c->methods = tk_realloc(c->methods, (c->method_count + 1) * sizeof *c->methods);
    m = &c->methods[c->method_count++];
    memset(m, 0, sizeof *m);
    m->name = tk_strdup(name);
    add_field(&m->out, type, "ReturnValue");
}

static void read_line(char *line)
{
    char *word = strtok(line, " \r\n"), *first = strtok(NULL, " \r\n");
    char *second = strtok(NULL, " \r\n");
    struct class *c = class_count ? &classes[class_count - 1] : NULL;
    struct method *m = c && c->method_count ? &c->methods[c->method_count - 1] : NULL;

    if (!word || !first) {
        return;
    }
    if (strcmp(word, "class") == 0 && second) {
        begin_class(first, second);
    } else if (strcmp(word, "property") == 0 && c && second) {
        add_field(&c->properties, first, second);
    } else if (strcmp(word, "method") == 0 && c) {
        begin_method(c, first);
    } else if (m && second) {
        add_field(strcmp(word, "in") == 0 ? &m->in : &m->out, first, second);
    }
}

static BOOL CALLBACK read_all(PINIT_ONCE unused, PVOID argument, PVOID *context)
{
    char *path = control("signatures");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[512];

    (void)unused;
    (void)argument;
    (void)context;
    while (file && fgets(line, sizeof line, file)) {
        read_line(line);
    }
    if (file) {
        fclose(file);
    }
    tk_free(path);
    return TRUE;
}

bool has_namespace(const char *name_space)
{
    InitOnceExecuteOnce(&once, read_all, NULL, NULL);
    for (size_t i = 0; i < class_count; i++) {
        if (tk_cim_same_name(classes[i].name_space, name_space)) {
            return true;
        }
    }
    return false;
}

const struct class *find_class(const char *name_space, const char *name)
{
    InitOnceExecuteOnce(&once, read_all, NULL, NULL);
    for (size_t i = 0; i < class_count; i++) {
        if (tk_cim_same_name(classes[i].name, name) &&
            tk_cim_same_name(classes[i].name_space, name_space)) {
            return &classes[i];
        }
    }
    return NULL;
}

const struct method *find_method(const struct class *c, const char *name)
{
    for (size_t i = 0; c && i < c->method_count; i++) {
        if (tk_cim_same_name(c->methods[i].name, name)) {
            return &c->methods[i];
        }
    }
    return NULL;
}

const struct field *find_field(const struct fields *fields, const char *name)
{
    for (size_t i = 0; fields && i < fields->count; i++) {
        if (tk_cim_same_name(fields->items[i].name, name)) {
            return &fields->items[i];
        }
    }
    return NULL;
}
