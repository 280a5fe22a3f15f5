// The memory of the Lua state: small blocks come from pools, because scripts make and drop them all
// the time; all of it together has a maximum.
#ifndef TK_HEAP_H
#define TK_HEAP_H

#include <stddef.h>

#define TK_HEAP_CLASSES 64

struct tk_heap {
    size_t max_bytes;
    size_t used_bytes;            // by Lua values; initialised to 0, as all below
    void *spare[TK_HEAP_CLASSES]; // blocks that were given back, by size
    char *fresh;                  // the rest of the newest chunk
    size_t fresh_bytes;
    void *chunks;
};

// A lua_Alloc; `heap` is a struct tk_heap. Gives NULL when the maximum is reached.
void *tk_heap_alloc(void *heap, void *p, size_t old_size, size_t new_size);

// Once the state is closed.
void tk_heap_free(struct tk_heap *heap);

#endif
