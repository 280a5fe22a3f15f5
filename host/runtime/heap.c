// See heap.h. A block of a pool is as large as its class and has no header: Lua itself knows the
// size of what it gives back. Chunks are kept until the end; they are few, and used again.
#include "heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define GRAIN       ((size_t)16)
#define CHUNK_BYTES ((size_t)32768)

// The next block of a list is fetched from memory while the one before it is filled: where it lies
// only that block says, and there is more garbage than fits into the near caches.
#ifdef __GNUC__
#define FETCH(address) __builtin_prefetch(address, 1)
#else
#define FETCH(address) ((void)0)
#endif

#ifdef TK_PLAIN_HEAP // for sanitizers, which look at every single block
#define SMALL_MAX ((size_t)0)
#else
#define SMALL_MAX (GRAIN * TK_HEAP_CLASSES)
#endif

struct chunk {
    struct chunk *next;
    max_align_t blocks[]; // aligned for anything
};

static size_t class_of(size_t size)
{
    return (size - 1) / GRAIN;
}

static bool is_small(size_t size)
{
    return size > 0 && size <= SMALL_MAX;
}

static void *take(struct tk_heap *heap, size_t size)
{
    size_t class, bytes;
    void *block;

    if (!is_small(size)) {
        return malloc(size);
    }
    class = class_of(size);
    bytes = (class + 1) * GRAIN;
    block = heap->spare[class];
    if (block) {
        memcpy(&heap->spare[class], block, sizeof(void *));
        FETCH(heap->spare[class]);
        return block;
    }
    if (heap->fresh_bytes < bytes) { // what is left of the old chunk is lost
        struct chunk *chunk = malloc(sizeof *chunk + CHUNK_BYTES);

        if (!chunk) {
            return NULL;
        }
        chunk->next = heap->chunks;
        heap->chunks = chunk;
        heap->fresh = (char *)chunk->blocks;
        heap->fresh_bytes = CHUNK_BYTES;
    }
    block = heap->fresh;
    heap->fresh += bytes;
    heap->fresh_bytes -= bytes;
    return block;
}

static void give_back(struct tk_heap *heap, void *block, size_t size)
{
    if (!is_small(size)) {
        free(block);
        return;
    }
    memcpy(block, &heap->spare[class_of(size)], sizeof(void *));
    heap->spare[class_of(size)] = block;
}

static void *resize(struct tk_heap *heap, void *old, size_t old_size, size_t new_size)
{
    void *block;

    if (!is_small(old_size) && !is_small(new_size)) {
        return realloc(old, new_size);
    }
    if (is_small(old_size) && is_small(new_size) && class_of(old_size) == class_of(new_size)) {
        return old;
    }
    block = take(heap, new_size);
    if (!block) {
        return new_size < old_size ? old : NULL; // Lua counts on shrinking
    }
    memcpy(block, old, old_size < new_size ? old_size : new_size);
    give_back(heap, old, old_size);
    return block;
}

void *tk_heap_alloc(void *memory, void *p, size_t old_size, size_t new_size)
{
    struct tk_heap *heap = memory;
    void *block;

    if (!p) {
        old_size = 0; // it says what kind of value is made
    }
    if (new_size > old_size && heap->used_bytes + (new_size - old_size) > heap->max_bytes) {
        return NULL;
    }
    if (new_size == 0) {
        if (p) {
            give_back(heap, p, old_size);
        }
        heap->used_bytes -= old_size;
        return NULL;
    }
    block = p ? resize(heap, p, old_size, new_size) : take(heap, new_size);
    if (block) {
        heap->used_bytes += new_size - old_size;
    }
    return block;
}

void tk_heap_free(struct tk_heap *heap)
{
    struct chunk *chunk = heap->chunks;

    while (chunk) {
        struct chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    memset(heap, 0, sizeof *heap);
}
