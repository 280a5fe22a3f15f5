// Finds properties by name: see cim.h. A few are compared one after the other; from some number on
// a hash table with open addressing tells the position. It never shrinks, because nothing removes
// properties.
#include <string.h>

#include "cim.h"

#define INDEXED_FROM 16 // properties; below, comparing all of them is quicker

struct tk_cim_index {
    size_t size;      // a power of two, more than twice the properties
    uint32_t slots[]; // position + 1; 0: free
};

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u; // FNV-1a

    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;

        hash = (hash ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
    }
    return hash;
}

static void put(struct tk_cim_object *o, size_t position)
{
    struct tk_cim_index *index = o->index;
    size_t at = hash_of(o->properties[position].name) & (index->size - 1);

    while (index->slots[at] != 0) {
        at = (at + 1) & (index->size - 1);
    }
    index->slots[at] = (uint32_t)position + 1;
}

void tk_cim_index_free(struct tk_cim_object *o)
{
    tk_free(o->index);
    o->index = NULL;
}

void tk_cim_index_rebuild(struct tk_cim_object *o)
{
    size_t size = 4 * INDEXED_FROM;

    tk_cim_index_free(o);
    if (o->count < INDEXED_FROM) {
        return;
    }
    while (size < 4 * o->count) {
        size *= 2;
    }
    o->index = tk_alloc(sizeof *o->index + size * sizeof o->index->slots[0]);
    o->index->size = size;
    for (size_t i = 0; i < o->count; i++) {
        put(o, i);
    }
}

void tk_cim_index_add(struct tk_cim_object *o)
{
    if (!o->index || 2 * o->count >= o->index->size) {
        tk_cim_index_rebuild(o);
    } else {
        put(o, o->count - 1);
    }
}

size_t tk_cim_index_find(const struct tk_cim_object *o, const char *name)
{
    if (!o->index) {
        size_t i = 0;

        while (i < o->count && !tk_cim_same_name(o->properties[i].name, name)) {
            i++;
        }
        return i;
    }
    for (size_t at = hash_of(name) & (o->index->size - 1); o->index->slots[at] != 0;
         at = (at + 1) & (o->index->size - 1)) {
        size_t position = o->index->slots[at] - 1;

        if (tk_cim_same_name(o->properties[position].name, name)) {
            return position;
        }
    }
    return o->count;
}
