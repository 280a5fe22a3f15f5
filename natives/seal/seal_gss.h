// What seal_gss.c and seal_gss_credential.c share. Only these two know GSSAPI.
#ifndef TK_SEAL_GSS_H
#define TK_SEAL_GSS_H

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>

#include "seal.h"

struct tk_gss_status {
    OM_uint32 major, minor;
};

struct tk_gss_who {  // an account, and its proof
    char *principal; // "user@REALM" or "user", NULL: whoever the ticket or keytab is for
    char *user;      // as it was written
    char *password;
    char *keytab;
    bool ticket;
};

// One account's Kerberos tickets, and what GSSAPI makes of them. Zero-initialise.
struct tk_gss_kerberos {
    bool ready;
    char *cache;         // an own one in memory; NULL: that of the running account
    int64_t until;       // seconds since 1970
    gss_cred_id_t plain; // tells why something does not work
    gss_cred_id_t negotiable;
};

extern const gss_OID tk_gss_spnego;
gss_OID tk_gss_mechanism(int nth); // of a try, see below

bool tk_gss_is_ntlm(gss_OID mechanism);
char *tk_gss_name(gss_name_t name); // never NULL; caller frees
int tk_gss_import_name(gss_name_t *out, const char *text, gss_OID type, struct tk_failure *err);
int tk_gss_acceptor(gss_cred_id_t *out, const char *keytab, struct tk_failure *err);
// A credential of NTLM, from user and password.
int tk_gss_ntlm(gss_cred_id_t *out, const struct tk_gss_who *who, struct tk_failure *err);
bool tk_gss_has_ntlm(void);

// Gets tickets for the account and for `target` (HTTP on `host`), asking the domain. -1 tells why
// not; *may_go_on: NTLM may be tried, because Kerberos does not know the account or the host, or
// has nobody to ask. Never after a refused password.
int tk_gss_kerberos(struct tk_gss_kerberos *k, const struct tk_gss_who *who, gss_name_t target,
                    const char *host, struct gss_channel_bindings_struct *bindings, bool *may_go_on,
                    struct tk_failure *err);
void tk_gss_kerberos_free(struct tk_gss_kerberos *k);

// "<what>: <GSSAPI's own words>", code WMI_AUTH.
int tk_gss_fail(struct tk_failure *err, const struct tk_gss_status *status, gss_OID mechanism,
                const char *what);

// What seal_gss.c asks of a credential: the first token's GSSAPI credential by number, 0 Kerberos,
// 1 NTLM; GSS_C_NO_CREDENTIAL where that is not to be tried, with *err telling why.
enum { TK_GSS_TRIES = 2 };
gss_cred_id_t tk_gss_credential(struct tk_seal_credential *c, int nth, gss_name_t target,
                                const char *host, struct gss_channel_bindings_struct *bindings,
                                bool *may_go_on, struct tk_failure *err);
gss_cred_id_t tk_gss_current(struct tk_seal_credential *c, int nth);
// Whether `account`, as the context has it, is who the credential is for.
bool tk_gss_is_account(const struct tk_seal_credential *c, const char *account);

#endif
