// A WMI for tests: a DLL that a Wine prefix registers as the WMI locator (CLSID_WbemLocator) and
// as the writer of instances (CLSID_WbemObjectTextSrc). It answers from the lab, over our own
// WS-Management client, and is as strict as the real one where that is known: types of VARIANTs,
// packet privacy on every interface, definitions before methods. Never shipped.
//
// The environment variable TAKEOVER_PROVIDER names a file of key=value lines, which is read again
// for each call (control.c has the keys).
#ifndef TK_TEST_PROVIDER_H
#define TK_TEST_PROVIDER_H

#define COBJMACROS
#include <stddef.h>
#include <windows.h>
#include <ole2.h>
#include <wbemcli.h>

#include "wmi/cim/cim.h"
#include "wmi/wmi.h"

// ---- control.c: what the file says, and what is counted

enum counter {
    COUNT_CONNECT,
    COUNT_QUERY,
    COUNT_NEXT,
    COUNT_GET,
    COUNT_CLASS,
    COUNT_METHOD,
    COUNT_WAIT,
    COUNT_TEXT,
    COUNT_LIVE,   // COM objects that are there now
    COUNT_MADE,   // that ever were
    COUNT_BLOCKS, // of COM's allocator (BSTRs, SAFEARRAYs) that are there now
    COUNTERS,
};

// Caller frees; NULL when there is no such line.
char *control(const char *key);
// A number; 0 when there is none.
long long control_number(const char *key);
void count(enum counter which, LONG by);
// Writes all counts to the file of the key `counts`.
void write_counts(void);
// Whether this call shall fail: "fail.<where>=HRESULT"; S_OK if not. Text: "fail.text". The key
// "fail.skip" lets so many calls pass before.
HRESULT injected(const char *where);
// Whether this call shall never answer: "hang.<where>=1".
bool hangs(const char *where);

// ---- spy.c: COUNT_BLOCKS

void begin_to_spy(void);

// ---- schema.c: types and signatures, from the lab's declarations (signatures.lua)

struct field {
    char *name;
    enum tk_cim_type type;
    bool is_array;
};

struct fields {
    struct field *items;
    size_t count;
};

struct method {
    char *name;
    struct fields in, out;
};

struct class
{
    char *name_space;
    char *name;
    struct fields properties;
    struct method *methods;
    size_t method_count;
};

bool has_namespace(const char *name_space);
const struct class *find_class(const char *name_space, const char *name);
const struct method *find_method(const struct class *c, const char *name);
const struct field *find_field(const struct fields *fields, const char *name);

// ---- object.c: IWbemClassObject

// Where an object comes from: its host and namespace, as "\\HOST\root\cimv2:".
// Takes `cim`. `fields` (types) and `c` (methods, for class definitions) may be NULL.
IWbemClassObject *new_object(struct tk_cim_object *cim, const struct fields *fields,
                             const struct class *c, const char *prefix);
// What was put into one that new_object made, and the types of what can be.
const struct tk_cim_object *cim_of(IWbemClassObject *object);
const struct fields *fields_of(IWbemClassObject *object);
// Leaves words on the thread, as the real one does (an __ExtendedStatus that is an IErrorInfo).
void leave_words(const char *text);

// ---- value.c: VARIANTs, written and read by WMI's rules

CIMTYPE cim_type(enum tk_cim_type type, bool is_array);
void to_variant(VARIANT *v, const struct tk_cim_property *p, const struct field *f,
                const char *prefix);
// WBEM_E_TYPE_MISMATCH when the VARIANT is not what the type asks for.
HRESULT from_variant(struct tk_cim_object *o, const struct field *f, const VARIANT *v);
char *to_utf8(const OLECHAR *text);
BSTR to_bstr(const char *utf8);

// ---- text.c: IWbemObjectTextSrc

HRESULT new_writer(REFIID iid, void **out);

// ---- operation.c: what runs in the background, and the two interfaces that wait for it

enum kind { QUERY, GET, METHOD };

struct services;
IEnumWbemClassObject *begin_query(struct services *s, const char *wql);
IWbemCallResult *begin_call(struct services *s, enum kind kind, const char *path,
                            const char *method, const struct tk_cim_object *in);
// Whether `code` answers at once, without the background (class definitions).
IWbemCallResult *ready_result(IWbemClassObject *object, HRESULT hr);

// ---- security.c: the blanket, which every interface must be given before it is used

struct secured {
    IClientSecurity face;
    IUnknown *owner;
    bool protected;
};
void secure(struct secured *s, IUnknown *owner);

// ---- services.c

struct services {
    IWbemServices face;
    LONG refs;
    struct secured security;
    struct tk_wmi *wmi;
    char *name_space; // "root/cimv2"
    char *prefix;     // "\\MS1\root\cimv2:"
};
// The login counts where the control file has none.
HRESULT new_services(IWbemServices **out, const char *node, const char *name_space,
                     const char *given_user, const char *given_password);
struct services *share_services(struct services *s);
void drop_services(struct services *s);
// The class that a query or path is about, for the types. NULL: not known.
const struct class *class_in(const struct services *s, const char *name);

#endif
