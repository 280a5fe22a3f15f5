// Kerberos tickets for seal_gss.c: of one account, into a cache of its own in memory, so that
// nobody else's ticket can be taken by mistake. GSSAPI would do the same by itself, but under
// SPNEGO it loses the reason why something does not work; so that the steps are made one by one
// here.
#include "seal_gss.h"

#include <errno.h>
#include <krb5/krb5.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static gss_OID_desc kerberos_oid = {9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};

// ---- what is wrong, and what to do

struct advice {
    krb5_error_code error;
    enum tk_code code;
    bool may_go_on; // to NTLM
    const char *hint;
};

static const char no_kdc[] =
    "nothing was sent to the host; is a domain controller (KDC) up, and does krb5.conf or DNS name "
    "it for this realm";

static const struct advice advices[] = {
    {KRB5KDC_ERR_PREAUTH_FAILED, TK_WMI_AUTH, false,
     "the password is not that of this account; nothing was sent to the host"},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, TK_WMI_AUTH, false,
     "the password, or the key in the keytab, is not that of this account; nothing was sent to the "
     "host"},
    {KRB5KDC_ERR_KEY_EXP, TK_WMI_AUTH, false, "the password has expired: set a new one"},
    {KRB5KDC_ERR_CLIENT_REVOKED, TK_WMI_AUTH, false, "the account is locked, disabled or expired"},
    {KRB5KDC_ERR_NAME_EXP, TK_WMI_AUTH, false, "the account has expired"},
    {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, TK_WMI_AUTH, true,
     "the domain has no such account: write it as user@REALM, the realm in capitals"},
    {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, TK_WMI_AUTH, true,
     "the domain knows no host of this name: write the host's full DNS name, no address; setspn -L "
     "shows a host's names"},
    {KRB5KRB_AP_ERR_SKEW, TK_WMI_AUTH, false,
     "the clocks of this computer and the domain controller must agree within five minutes"},
    {KRB5KRB_AP_ERR_TKT_EXPIRED, TK_WMI_AUTH, false,
     "the ticket has expired: kinit anew, or use a keytab or a password"},
    {KRB5_REALM_UNKNOWN, TK_WMI_AUTH, true,
     "write the account as user@REALM, the realm in capitals; krb5.conf or DNS must name the "
     "realm's domain controllers"},
    {KRB5_REALM_CANT_RESOLVE, TK_WMI_LOGIN, true, no_kdc},
    {KRB5_KDC_UNREACH, TK_WMI_LOGIN, true, no_kdc},
    {KRB5_CONFIG_NODEFREALM, TK_WMI_AUTH, true,
     "write the account as user@REALM, or set default_realm in krb5.conf"},
    {KRB5_KT_NOTFOUND, TK_WMI_AUTH, false,
     "the keytab has no key of this account: klist -k shows what it has"},
    {KRB5_KT_IOERR, TK_WMI_AUTH, false, "the keytab cannot be read"},
    {ENOENT, TK_WMI_AUTH, false, "the file is not there"},
    {EACCES, TK_WMI_AUTH, false, "the file may not be read by this user"},
    {KRB5_FCC_NOFILE, TK_WMI_AUTH, false,
     "there is no ticket: kinit first, or use a keytab or a password"},
    {KRB5_CC_NOTFOUND, TK_WMI_AUTH, false,
     "there is no ticket of this account: kinit first, or use a keytab or a password"},
};

static const struct advice *advice_for(OM_uint32 error)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        if ((OM_uint32)advices[i].error == error) {
            return &advices[i];
        }
    }
    return NULL;
}

static int advise(struct tk_failure *err, OM_uint32 error, bool *may_go_on)
{
    const struct advice *advice = advice_for(error);

    *may_go_on = advice && advice->may_go_on;
    if (advice) {
        err->code = advice->code;
        err->transient = tk_code_transient(advice->code);
        tk_fail_hint(err, "%s", advice->hint);
    }
    return -1;
}

// ---- the account's own ticket

static krb5_error_code first_in_keytab(krb5_context context, krb5_keytab keytab,
                                       krb5_principal *out)
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code error = krb5_kt_start_seq_get(context, keytab, &cursor);

    if (error != 0) {
        return error;
    }
    error = krb5_kt_next_entry(context, keytab, &entry, &cursor);
    if (error == 0) {
        error = krb5_copy_principal(context, entry.principal, out);
        krb5_free_keytab_entry_contents(context, &entry);
    } else if (error == KRB5_KT_END) {
        error = KRB5_KT_NOTFOUND;
    }
    krb5_kt_end_seq_get(context, keytab, &cursor);
    return error;
}

static krb5_error_code get_initial(krb5_context context, const struct tk_gss_who *who,
                                   krb5_ccache cache, int64_t *until)
{
    krb5_get_init_creds_opt *options = NULL;
    krb5_principal principal = NULL;
    krb5_keytab keytab = NULL;
    krb5_creds creds;
    krb5_error_code error;

    memset(&creds, 0, sizeof creds);
    error = who->keytab ? krb5_kt_resolve(context, who->keytab, &keytab) : 0;
    if (error == 0) {
        error = who->principal ? krb5_parse_name(context, who->principal, &principal)
                               : first_in_keytab(context, keytab, &principal);
    }
    if (error == 0) {
        error = krb5_get_init_creds_opt_alloc(context, &options);
    }
    if (error == 0) {
        error = krb5_get_init_creds_opt_set_out_ccache(context, options, cache);
    }
    if (error == 0) {
        error =
            who->keytab
                ? krb5_get_init_creds_keytab(context, &creds, principal, keytab, 0, NULL, options)
                : krb5_get_init_creds_password(context, &creds, principal, who->password, NULL,
                                               NULL, 0, NULL, options);
    }
    *until = (int64_t)(uint32_t)creds.times.endtime;
    krb5_free_cred_contents(context, &creds);
    krb5_get_init_creds_opt_free(context, options);
    krb5_free_principal(context, principal);
    if (keytab) {
        krb5_kt_close(context, keytab);
    }
    return error;
}

static int fill_cache(struct tk_gss_kerberos *k, const struct tk_gss_who *who, bool *may_go_on,
                      struct tk_failure *err)
{
    static atomic_uint caches;
    krb5_context context = NULL;
    krb5_ccache cache = NULL;
    krb5_error_code error = krb5_init_context(&context);

    if (error == 0) {
        k->cache = tk_sprintf("MEMORY:takeover-%u", atomic_fetch_add(&caches, 1u));
        error = krb5_cc_resolve(context, k->cache, &cache);
    }
    if (error == 0) {
        error = get_initial(context, who, cache, &k->until);
    }
    if (error != 0) {
        const char *text = krb5_get_error_message(context, error);

        tk_fail(err, TK_WMI_AUTH, "no ticket for %.100s: %.300s",
                who->principal ? who->principal : "the keytab", text);
        krb5_free_error_message(context, text);
        advise(err, (OM_uint32)error, may_go_on);
    }
    if (cache) {
        krb5_cc_close(context, cache);
    }
    krb5_free_context(context);
    return error == 0 ? 0 : -1;
}

static void forget_cache(const char *name)
{
    krb5_context context;
    krb5_ccache cache;

    if (krb5_init_context(&context) != 0) {
        return;
    }
    if (krb5_cc_resolve(context, name, &cache) == 0) {
        krb5_cc_destroy(context, cache);
    }
    krb5_free_context(context);
}

// ---- GSSAPI's credentials made of it

static int acquire(struct tk_gss_kerberos *k, gss_name_t name, gss_OID mechanism,
                   gss_cred_id_t *out, bool *may_go_on, struct tk_failure *err)
{
    gss_OID_set_desc wanted = {1, mechanism}, only = {1, &kerberos_oid};
    gss_key_value_element_desc place = {"ccache", k->cache};
    gss_key_value_set_desc store = {1, &place};
    struct tk_gss_status status;
    gss_OID_set got = GSS_C_NO_OID_SET;
    OM_uint32 ignored;
    int present = 0;

    status.major =
        gss_acquire_cred_from(&status.minor, name, GSS_C_INDEFINITE, &wanted, GSS_C_INITIATE,
                              k->cache ? &store : GSS_C_NO_CRED_STORE, out, &got, NULL);
    if (!GSS_ERROR(status.major)) {
        gss_test_oid_set_member(&ignored, mechanism, got, &present);
        gss_release_oid_set(&ignored, &got);
        if (!present) { // GSSAPI would take anybody's instead
            status = (struct tk_gss_status){GSS_S_NO_CRED, 0};
        } else if (mechanism == tk_gss_spnego) {
            status.major = gss_set_neg_mechs(&status.minor, *out, &only);
        }
    }
    if (GSS_ERROR(status.major)) {
        tk_gss_fail(err, &status, &kerberos_oid, "no ticket");
        return advise(err, status.minor, may_go_on);
    }
    return 0;
}

static int get_ready(struct tk_gss_kerberos *k, const struct tk_gss_who *who, bool *may_go_on,
                     struct tk_failure *err)
{
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 ignored;
    int result = 0;

    if (who->ticket && who->principal) {
        result = tk_gss_import_name(&name, who->principal, GSS_C_NT_USER_NAME, err);
    } else if (!who->ticket) {
        result = fill_cache(k, who, may_go_on, err);
    }
    if (result == 0) {
        result = acquire(k, name, &kerberos_oid, &k->plain, may_go_on, err);
    }
    if (result == 0) {
        result = acquire(k, name, tk_gss_spnego, &k->negotiable, may_go_on, err);
    }
    gss_release_name(&ignored, &name);
    k->ready = result == 0;
    if (!k->ready) {
        tk_gss_kerberos_free(k);
    }
    return result;
}

int tk_gss_kerberos(struct tk_gss_kerberos *k, const struct tk_gss_who *who, gss_name_t target,
                    const char *host, struct gss_channel_bindings_struct *bindings, bool *may_go_on,
                    struct tk_failure *err)
{
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    struct tk_gss_status status;
    OM_uint32 ignored;
    char what[160];

    *may_go_on = false;
    if (!k->ready && get_ready(k, who, may_go_on, err) != 0) {
        return -1;
    }
    // Gets the host's ticket, or says why there is none. The token is not for the host.
    status.major =
        gss_init_sec_context(&status.minor, k->plain, &context, target, &kerberos_oid,
                             GSS_C_MUTUAL_FLAG, 0, bindings, NULL, NULL, &token, NULL, NULL);
    gss_release_buffer(&ignored, &token);
    gss_delete_sec_context(&ignored, &context, NULL);
    if (GSS_ERROR(status.major)) {
        snprintf(what, sizeof what, "no ticket of %.60s for HTTP/%.60s",
                 who->principal ? who->principal : "the one who is logged in", host);
        tk_gss_fail(err, &status, &kerberos_oid, what);
        return advise(err, status.minor, may_go_on);
    }
    return 0;
}

void tk_gss_kerberos_free(struct tk_gss_kerberos *k)
{
    OM_uint32 ignored;

    gss_release_cred(&ignored, &k->plain);
    gss_release_cred(&ignored, &k->negotiable);
    if (k->cache) {
        forget_cache(k->cache);
    }
    tk_free(k->cache);
    memset(k, 0, sizeof *k);
}
