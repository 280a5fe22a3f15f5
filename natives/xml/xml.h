// A small XML tree read with Expat under limits. Namespaces are resolved; elements are looked up by
// local name, because servers disagree about prefixes and even namespaces. DTDs and entities are
// refused. No Lua.
#ifndef TK_XML_H
#define TK_XML_H

#include <stddef.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

struct tk_xml_limits {
    size_t max_bytes;      // 0: 32 MiB
    size_t max_depth;      // 0: 64
    size_t max_attributes; // of one element, 0: 64
    size_t max_elements;   // 0: 2,000,000
};

struct tk_xml_attribute {
    char *ns; // namespace URI, "" for none
    char *name;
    char *value;
};

struct tk_xml {
    char *ns;   // namespace URI, "" for none
    char *name; // local name
    struct tk_xml_attribute *attributes;
    size_t attribute_count;
    char *text; // character data directly inside, concatenated, "" for none
    struct tk_xml *parent, *first, *last, *next;
};

// Code XML_INVALID, with line and column in the message.
int tk_xml_parse(struct tk_xml **out, const char *text, size_t len_bytes,
                 const struct tk_xml_limits *limits, struct tk_failure *err);
void tk_xml_free(struct tk_xml *root);
// First child of that local name, NULL when there is none.
const struct tk_xml *tk_xml_child(const struct tk_xml *e, const char *name);
// First descendant of that local name in document order, `e` excluded.
const struct tk_xml *tk_xml_find(const struct tk_xml *e, const char *name);
// Attribute by local name, NULL when absent.
const char *tk_xml_attribute(const struct tk_xml *e, const char *name);
// Appends `text` with & < > " and ' escaped; characters that XML forbids become U+FFFD.
void tk_xml_escape(struct tk_buffer *out, const char *text);

#endif
