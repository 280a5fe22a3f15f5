// XML trees with Expat: see xml.h. What comes in is not to be trusted: no document type
// declarations (and with them no entities), and everything that can be counted has a maximum. A
// tree lives in one arena, so that freeing it needs no recursion, and names are kept once, because
// a WS-Management answer repeats the same few of them a thousand times.
#include "xml.h"

#include <expat.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_BYTES      (32u * 1024 * 1024)
#define MAX_DEPTH      64
#define MAX_ATTRIBUTES 64
#define MAX_ELEMENTS   2000000
#define DEPTH_CEILING  1000 // however high max_depth is set
#define BLOCK_BYTES    (64u * 1024)
#define NAME_SLOTS     512
#define SEPARATOR      '\001' // cannot occur in a document

static char empty[1]; // never written

struct block {
    struct block *next;
    size_t used, size;
    char bytes[];
};

// The root is the first member: tk_xml_free gets a pointer to it.
struct document {
    struct tk_xml root;
    struct block *blocks;
};

struct name {
    char *key; // as Expat says it: namespace, separator, local name
    char *ns;
    char *local;
};

struct reader {
    XML_Parser parser;
    struct document *document;
    struct tk_xml *open; // innermost element that has not ended
    struct tk_xml_limits limits;
    size_t depth, elements;
    struct tk_buffer *texts; // one for each depth
    struct name names[NAME_SLOTS];
    char refusal[96]; // "" while all is well
};

// ---- arena

static void *arena_alloc(struct document *d, size_t len_bytes)
{
    struct block *b = d->blocks;
    void *p;

    len_bytes = (len_bytes + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
    if (!b || b->size - b->used < len_bytes) {
        size_t size = len_bytes > BLOCK_BYTES ? len_bytes : BLOCK_BYTES;

        b = tk_alloc(sizeof *b + size);
        b->size = size;
        b->next = d->blocks;
        d->blocks = b;
    }
    p = b->bytes + b->used;
    b->used += len_bytes;
    return p;
}

static char *arena_text(struct document *d, const char *text, size_t len_bytes)
{
    char *copy = arena_alloc(d, len_bytes + 1);

    memcpy(copy, text, len_bytes);
    return copy;
}

// ---- what Expat reports

static void refuse(struct reader *r, const char *why, size_t limit)
{
    if (!r->refusal[0]) {
        snprintf(r->refusal, sizeof r->refusal, limit ? "%s %zu" : "%s", why, limit);
        XML_StopParser(r->parser, XML_FALSE);
    }
}

static void split_name(struct reader *r, const char *key, struct name *out)
{
    const char *separator = strchr(key, SEPARATOR);
    const char *local = separator ? separator + 1 : key;

    out->ns = separator ? arena_text(r->document, key, (size_t)(separator - key)) : empty;
    out->local = arena_text(r->document, local, strlen(local));
}

static struct name name_of(struct reader *r, const char *key)
{
    uint32_t hash = 2166136261u;
    struct name *slot, other;

    for (const char *p = key; *p; p++) {
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    }
    slot = &r->names[hash % NAME_SLOTS];
    if (slot->key && strcmp(slot->key, key) == 0) {
        return *slot;
    }
    if (!slot->key) {
        slot->key = arena_text(r->document, key, strlen(key));
        split_name(r, key, slot);
        return *slot;
    }
    split_name(r, key, &other);
    return other;
}

static void add_attributes(struct reader *r, struct tk_xml *e, const char **pairs)
{
    size_t count = 0;

    while (pairs[2 * count]) {
        count++;
    }
    if (count > r->limits.max_attributes) {
        refuse(r, "an element has more attributes than", r->limits.max_attributes);
        return;
    }
    if (count == 0) {
        return;
    }
    e->attributes = arena_alloc(r->document, count * sizeof *e->attributes);
    e->attribute_count = count;
    for (size_t i = 0; i < count; i++) {
        struct name name = name_of(r, pairs[2 * i]);
        const char *value = pairs[2 * i + 1];

        e->attributes[i].ns = name.ns;
        e->attributes[i].name = name.local;
        e->attributes[i].value = arena_text(r->document, value, strlen(value));
    }
}

static void XMLCALL on_start(void *user, const char *key, const char **pairs)
{
    struct reader *r = user;
    struct tk_xml *e;
    struct name name;

    if (r->refusal[0]) {
        return;
    }
    if (r->depth >= r->limits.max_depth) {
        refuse(r, "elements are nested deeper than", r->limits.max_depth);
        return;
    }
    if (r->elements++ >= r->limits.max_elements) {
        refuse(r, "there are more elements than", r->limits.max_elements);
        return;
    }
    e = r->open ? arena_alloc(r->document, sizeof *e) : &r->document->root;
    name = name_of(r, key);
    e->ns = name.ns;
    e->name = name.local;
    e->text = empty;
    e->parent = r->open;
    if (r->open) {
        if (r->open->last) {
            r->open->last->next = e;
        } else {
            r->open->first = e;
        }
        r->open->last = e;
    }
    r->open = e;
    r->texts[r->depth++].len = 0;
    add_attributes(r, e, pairs);
}

static void XMLCALL on_end(void *user, const char *key)
{
    struct reader *r = user;
    struct tk_buffer *text;

    (void)key;
    if (r->refusal[0]) {
        return;
    }
    text = &r->texts[--r->depth];
    if (text->len > 0) {
        r->open->text = arena_text(r->document, text->text, text->len);
    }
    r->open = r->open->parent;
}

static void XMLCALL on_text(void *user, const char *bytes, int len)
{
    struct reader *r = user;

    if (!r->refusal[0] && r->depth > 0) {
        tk_buffer_add(&r->texts[r->depth - 1], bytes, (size_t)len);
    }
}

static void XMLCALL on_doctype(void *user, const char *name, const char *system_id,
                               const char *public_id, int has_internal)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal;
    refuse(user, "a document type declaration is not accepted", 0);
}

// ---- public

static void set_limits(struct tk_xml_limits *out, const struct tk_xml_limits *in)
{
    *out = in ? *in : (struct tk_xml_limits){0};
    out->max_bytes = out->max_bytes ? out->max_bytes : MAX_BYTES;
    out->max_depth = out->max_depth ? out->max_depth : MAX_DEPTH;
    out->max_attributes = out->max_attributes ? out->max_attributes : MAX_ATTRIBUTES;
    out->max_elements = out->max_elements ? out->max_elements : MAX_ELEMENTS;
    if (out->max_depth > DEPTH_CEILING) {
        out->max_depth = DEPTH_CEILING;
    }
    if (out->max_bytes > INT32_MAX) {
        out->max_bytes = INT32_MAX; // Expat takes an int
    }
}

static int describe_error(struct reader *r, struct tk_failure *err)
{
    const char *why = r->refusal;

    if (!why[0]) {
        why = XML_ErrorString(XML_GetErrorCode(r->parser));
    }
    return tk_fail(err, TK_XML_INVALID, "line %llu, column %llu: %s",
                   (unsigned long long)XML_GetCurrentLineNumber(r->parser),
                   (unsigned long long)XML_GetCurrentColumnNumber(r->parser) + 1, why);
}

int tk_xml_parse(struct tk_xml **out, const char *text, size_t len_bytes,
                 const struct tk_xml_limits *limits, struct tk_failure *err)
{
    struct reader *r = tk_alloc(sizeof *r);
    int result = -1;

    *out = NULL;
    set_limits(&r->limits, limits);
    r->document = tk_alloc(sizeof *r->document);
    r->texts = tk_alloc(r->limits.max_depth * sizeof *r->texts);
    if (len_bytes > r->limits.max_bytes) {
        tk_fail(err, TK_XML_INVALID, "the document is longer than %zu bytes", r->limits.max_bytes);
        goto done;
    }
    r->parser = XML_ParserCreateNS(NULL, SEPARATOR);
    if (!r->parser) {
        tk_fail(err, TK_INTERNAL, "Expat does not start");
        goto done;
    }
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    if (XML_Parse(r->parser, text, (int)len_bytes, 1) != XML_STATUS_OK) {
        describe_error(r, err);
        goto done;
    }
    *out = &r->document->root;
    r->document = NULL;
    result = 0;
done:
    if (r->parser) {
        XML_ParserFree(r->parser);
    }
    for (size_t i = 0; i < r->limits.max_depth; i++) {
        tk_buffer_free(&r->texts[i]);
    }
    tk_free(r->texts);
    tk_xml_free(r->document ? &r->document->root : NULL);
    tk_free(r);
    return result;
}

void tk_xml_free(struct tk_xml *root)
{
    struct document *d = (struct document *)(void *)root;

    if (!d) {
        return;
    }
    while (d->blocks) {
        struct block *next = d->blocks->next;

        tk_free(d->blocks);
        d->blocks = next;
    }
    tk_free(d);
}

const struct tk_xml *tk_xml_child(const struct tk_xml *e, const char *name)
{
    const struct tk_xml *child = e ? e->first : NULL;

    while (child && strcmp(child->name, name) != 0) {
        child = child->next;
    }
    return child;
}

const struct tk_xml *tk_xml_find(const struct tk_xml *e, const char *name)
{
    const struct tk_xml *at = e ? e->first : NULL;

    while (at && strcmp(at->name, name) != 0) {
        if (at->first) {
            at = at->first;
            continue;
        }
        while (at != e && !at->next) {
            at = at->parent;
        }
        at = at == e ? NULL : at->next;
    }
    return at;
}

const char *tk_xml_attribute(const struct tk_xml *e, const char *name)
{
    for (size_t i = 0; e && i < e->attribute_count; i++) {
        if (strcmp(e->attributes[i].name, name) == 0) {
            return e->attributes[i].value;
        }
    }
    return NULL;
}

// Length of the UTF-8 character at `p` that XML 1.0 allows (section 2.2), 0 when there is none.
static size_t character_len(const unsigned char *p)
{
    if (p[0] < 0x80) {
        return p[0] >= 0x20 || p[0] == '\t' || p[0] == '\n' || p[0] == '\r';
    }
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        return (p[1] & 0xc0) == 0x80 ? 2 : 0;
    }
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[0] == 0xe0 && p[1] < 0xa0) ||
            (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xef && p[1] == 0xbf && p[2] > 0xbd)) {
            return 0;
        }
        return 3;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80 ||
            (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) {
            return 0;
        }
        return 4;
    }
    return 0;
}

static const char *replacement(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    case '\r': // a parser would turn it into a line feed, and both into blanks in attributes
        return "&#13;";
    case '\n':
        return "&#10;";
    case '\t':
        return "&#9;";
    default:
        return NULL;
    }
}

void tk_xml_escape(struct tk_buffer *out, const char *text)
{
    const char *p = text, *plain = text;

    tk_buffer_add(out, "", 0);
    while (*p) {
        size_t len = character_len((const unsigned char *)p);
        const char *instead = len == 0 ? "\xef\xbf\xbd" : replacement(*p);

        if (instead) {
            tk_buffer_add(out, plain, (size_t)(p - plain));
            tk_buffer_puts(out, instead);
            plain = p + (len ? len : 1);
        }
        p += len ? len : 1;
    }
    tk_buffer_add(out, plain, (size_t)(p - plain));
}
