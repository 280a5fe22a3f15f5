// The plain program: plays files through a target, once each, in every build.
//   takeover_fuzz TARGET FILE...      nothing printed where all is well
//   takeover_fuzz --list              the names of the targets
// With libFuzzer in place of this, TAKEOVER_FUZZ_TARGET in the environment names the target.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "runtime/memory.h"

static tk_fuzz_target chosen;

static int choose(const char *name)
{
    for (const struct tk_fuzz_entry *e = tk_fuzz_c_targets; e->name; e++) {
        if (strcmp(e->name, name) == 0) {
            chosen = e->run;
            return 1;
        }
    }
    chosen = tk_fuzz_lua;
    return tk_fuzz_lua_target(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = tk_strndup((const char *)data, size); // its own block: reading past it is seen

    if (!chosen) {
        const char *name = getenv("TAKEOVER_FUZZ_TARGET");

        if (!name || !choose(name)) {
            fprintf(stderr, "TAKEOVER_FUZZ_TARGET names no target\n");
            exit(2);
        }
    }
    chosen(text, size);
    tk_free(text);
    return 0;
}

#ifndef TK_LIBFUZZER
static int play(const char *path)
{
    struct tk_buffer bytes = {0};
    char chunk[4096];
    size_t got;
    FILE *f = fopen(path, "rb");

    if (!f) {
        perror(path);
        return 1;
    }
    while ((got = fread(chunk, 1, sizeof chunk, f)) > 0) {
        tk_buffer_add(&bytes, chunk, got);
    }
    fclose(f);
    LLVMFuzzerTestOneInput((const uint8_t *)(bytes.text ? bytes.text : ""), bytes.len);
    tk_buffer_free(&bytes);
    return 0;
}

static void print(const char *name)
{
    puts(name);
}

int main(int argc, char **argv)
{
    int result = 0;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const struct tk_fuzz_entry *e = tk_fuzz_c_targets; e->name; e++) {
            puts(e->name);
        }
        tk_fuzz_lua_names(print);
    } else if (argc < 2 || !choose(argv[1])) {
        fprintf(stderr, "usage: takeover_fuzz TARGET FILE... | --list\n");
        result = 2;
    }
    for (int i = 2; i < argc && result == 0; i++) {
        result = play(argv[i]);
    }
    tk_fuzz_lua_close();
    return result;
}
#endif
