// The credentials of seal_gss.c. A credential is always made for one account: GSSAPI given none
// takes whatever ticket lies in the cache, which would be another person's.
#include "seal_gss.h"

#include <gssapi/gssapi_krb5.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

struct tk_seal_credential {
    atomic_int references;
    enum tk_seal_mechanism mechanism;
    struct tk_gss_who who;
    bool spoiled; // not shared any more
    struct tk_seal_credential *next;
    uv_mutex_t lock; // of kerberos and ntlm, held while the domain is asked
    struct tk_gss_kerberos kerberos;
    gss_cred_id_t ntlm; // made when Kerberos does not do: its plug-in takes long to load
};

// Those in use, so that the connections to several hosts take the account's ticket once.
static struct tk_seal_credential *in_use;
static uv_mutex_t in_use_lock;
static uv_once_t once = UV_ONCE_INIT;

static void init(void)
{
    uv_mutex_init(&in_use_lock);
}

static gss_OID_desc spnego_oid = {6, "\x2b\x06\x01\x05\x05\x02"};
static gss_OID_desc ntlm_oid = {10, "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};

const gss_OID tk_gss_spnego = &spnego_oid;

// Kerberos goes inside SPNEGO, NTLM as it is: Windows takes both under the word Negotiate.
gss_OID tk_gss_mechanism(int nth)
{
    return nth == 0 ? &spnego_oid : &ntlm_oid;
}

bool tk_gss_is_ntlm(gss_OID mechanism)
{
    return mechanism->length == ntlm_oid.length &&
           memcmp(mechanism->elements, ntlm_oid.elements, ntlm_oid.length) == 0;
}

// ---- words and names

static void add_status(struct tk_buffer *text, OM_uint32 value, int type, gss_OID mechanism)
{
    OM_uint32 minor, more = 0;
    gss_buffer_desc line = GSS_C_EMPTY_BUFFER;

    do {
        if (GSS_ERROR(gss_display_status(&minor, value, type, mechanism, &more, &line))) {
            return;
        }
        tk_buffer_printf(text, "%s%.*s", text->len > 0 ? "; " : "", (int)line.length,
                         (const char *)line.value);
        gss_release_buffer(&minor, &line);
    } while (more != 0);
}

int tk_gss_fail(struct tk_failure *err, const struct tk_gss_status *status, gss_OID mechanism,
                const char *what)
{
    struct tk_buffer text = {0};

    if (status->minor != 0) {
        add_status(&text, status->minor, GSS_C_MECH_CODE, mechanism);
    }
    if (text.len == 0 || strstr(text.text, "Unknown error")) {
        tk_buffer_free(&text);
        add_status(&text, status->major, GSS_C_GSS_CODE, GSS_C_NO_OID);
    }
    tk_fail(err, TK_WMI_AUTH, "%s: %.400s", what, text.len > 0 ? text.text : "no reason given");
    tk_buffer_free(&text);
    return -1;
}

char *tk_gss_name(gss_name_t name)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    char *copy;

    if (name == GSS_C_NO_NAME || GSS_ERROR(gss_display_name(&minor, name, &text, NULL))) {
        return tk_strdup("");
    }
    copy = tk_strndup(text.value, text.length);
    gss_release_buffer(&minor, &text);
    return copy;
}

int tk_gss_import_name(gss_name_t *out, const char *text, gss_OID type, struct tk_failure *err)
{
    gss_buffer_desc given = {strlen(text), (void *)(uintptr_t)text};
    struct tk_gss_status status;

    status.major = gss_import_name(&status.minor, &given, type, out);
    return GSS_ERROR(status.major) ? tk_gss_fail(err, &status, &spnego_oid, text) : 0;
}

static void to_capitals(char *text)
{
    for (; *text; text++) {
        *text = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
    }
}

// "DOMAIN\user" and "user@domain" -> "user@DOMAIN", as realms of Active Directory are written.
static char *principal_of(const char *user)
{
    const char *backslash = strchr(user, '\\');
    char *name = backslash ? tk_sprintf("%s@%.*s", backslash + 1, (int)(backslash - user), user)
                           : tk_strdup(user);
    char *at = strrchr(name, '@');

    if (at) {
        to_capitals(at);
    }
    return name;
}

bool tk_gss_is_account(const struct tk_seal_credential *c, const char *account)
{
    const char *wanted = c->who.principal;
    size_t len = wanted ? strlen(wanted) : 0;

    // NTLM writes "DOMAIN\user"; a name without realm got the default one.
    if (!wanted || strchr(account, '\\') || !strchr(account, '@')) {
        return true;
    }
    return strncmp(account, wanted, len) == 0 && (account[len] == '\0' || account[len] == '@');
}

// ---- NTLM

bool tk_gss_has_ntlm(void)
{
    gss_OID_set all = GSS_C_NO_OID_SET;
    OM_uint32 minor;
    int present = 0;

    if (!GSS_ERROR(gss_indicate_mechs(&minor, &all))) {
        gss_test_oid_set_member(&minor, &ntlm_oid, all, &present);
        gss_release_oid_set(&minor, &all);
    }
    return present != 0;
}

// Not for SPNEGO, with which GSSAPI would ask the domain about the same password on the side.
int tk_gss_ntlm(gss_cred_id_t *out, const struct tk_gss_who *who, struct tk_failure *err)
{
    gss_OID_set_desc wanted = {1, &ntlm_oid};
    gss_buffer_desc password = {strlen(who->password), who->password};
    gss_OID_set got = GSS_C_NO_OID_SET;
    gss_name_t name = GSS_C_NO_NAME;
    struct tk_gss_status status;
    OM_uint32 ignored;
    int present = 0;

    if (tk_gss_import_name(&name, who->user, GSS_C_NT_USER_NAME, err) != 0) {
        return -1;
    }
    status.major = gss_acquire_cred_with_password(&status.minor, name, &password, GSS_C_INDEFINITE,
                                                  &wanted, GSS_C_INITIATE, out, &got, NULL);
    if (!GSS_ERROR(status.major)) {
        gss_test_oid_set_member(&ignored, &ntlm_oid, got, &present);
        gss_release_oid_set(&ignored, &got);
        status.major = present ? GSS_S_COMPLETE : GSS_S_NO_CRED;
    }
    gss_release_name(&ignored, &name);
    if (GSS_ERROR(status.major)) {
        gss_release_cred(&ignored, out);
        return tk_gss_fail(err, &status, &ntlm_oid, "NTLM");
    }
    return 0;
}

// ---- credentials

static int check_who(const struct tk_seal_who *who, struct tk_failure *err)
{
    int ways = (who->password != NULL) + (who->keytab != NULL) + who->ticket;

    if (ways != 1) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER,
                       "exactly one of password, keytab and ticket says who one is");
    }
    if (who->password && (!who->user || !*who->user)) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "a password needs a user");
    }
    if (who->mechanism == TK_SEAL_ONLY_NTLM && !who->password) {
        return tk_fail(err, TK_WMI_BAD_PARAMETER, "NTLM needs user and password");
    }
    if (who->mechanism == TK_SEAL_ONLY_NTLM && !tk_gss_has_ntlm()) {
        tk_fail(err, TK_WMI_BAD_PARAMETER, "NTLM is not installed here");
        return tk_fail_hint(err, "it comes with the package gss-ntlmssp");
    }
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct tk_seal_credential *find_same(const struct tk_seal_who *who)
{
    struct tk_seal_credential *c = in_use;

    while (c && (c->spoiled || c->mechanism != who->mechanism || c->who.ticket != who->ticket ||
                 !same_text(c->who.user, who->user) || !same_text(c->who.password, who->password) ||
                 !same_text(c->who.keytab, who->keytab))) {
        c = c->next;
    }
    return c;
}

static struct tk_seal_credential *new_credential(const struct tk_seal_who *who)
{
    struct tk_seal_credential *c = tk_alloc(sizeof *c);

    atomic_init(&c->references, 0);
    uv_mutex_init(&c->lock);
    c->mechanism = who->mechanism;
    c->who.principal = who->user ? principal_of(who->user) : NULL;
    c->who.user = tk_strdup(who->user);
    c->who.password = tk_strdup(who->password);
    c->who.keytab = tk_strdup(who->keytab);
    c->who.ticket = who->ticket;
    c->next = in_use;
    in_use = c;
    return c;
}

int tk_seal_acquire(struct tk_seal_credential **out, const struct tk_seal_who *who,
                    struct tk_failure *err)
{
    struct tk_seal_credential *c;

    *out = NULL;
    if (check_who(who, err) != 0) {
        return -1;
    }
    uv_once(&once, init);
    uv_mutex_lock(&in_use_lock);
    c = find_same(who);
    *out = tk_seal_credential_share(c ? c : new_credential(who));
    uv_mutex_unlock(&in_use_lock);
    return 0;
}

void tk_seal_credential_spoil(struct tk_seal_credential *c)
{
    uv_mutex_lock(&in_use_lock);
    c->spoiled = true;
    uv_mutex_unlock(&in_use_lock);
}

gss_cred_id_t tk_gss_current(struct tk_seal_credential *c, int nth)
{
    return nth == 0 ? c->kerberos.negotiable : c->ntlm;
}

static gss_cred_id_t ntlm_of(struct tk_seal_credential *c, struct tk_failure *err)
{
    bool wanted = c->who.password && c->mechanism != TK_SEAL_ONLY_KERBEROS;

    uv_mutex_lock(&c->lock);
    if (wanted && c->ntlm == GSS_C_NO_CREDENTIAL && tk_gss_has_ntlm()) {
        tk_gss_ntlm(&c->ntlm, &c->who, err);
    }
    uv_mutex_unlock(&c->lock);
    return c->ntlm;
}

gss_cred_id_t tk_gss_credential(struct tk_seal_credential *c, int nth, gss_name_t target,
                                const char *host, struct gss_channel_bindings_struct *bindings,
                                bool *may_go_on, struct tk_failure *err)
{
    int result;

    if (nth == 1) {
        *may_go_on = false;
        return ntlm_of(c, err);
    }
    *may_go_on = true;
    if (c->mechanism == TK_SEAL_ONLY_NTLM) {
        return GSS_C_NO_CREDENTIAL;
    }
    uv_mutex_lock(&c->lock);
    result = tk_gss_kerberos(&c->kerberos, &c->who, target, host, bindings, may_go_on, err);
    uv_mutex_unlock(&c->lock);
    return result == 0 ? c->kerberos.negotiable : GSS_C_NO_CREDENTIAL;
}

bool tk_seal_credential_lasts(struct tk_seal_credential *c, int seconds)
{
    int64_t until;

    if (uv_mutex_trylock(&c->lock) != 0) { // its tickets are just being fetched
        return true;
    }
    until = c->kerberos.ready ? c->kerberos.until : 0;
    uv_mutex_unlock(&c->lock);
    return until == 0 || until >= (int64_t)time(NULL) + seconds;
}

struct tk_seal_credential *tk_seal_credential_share(struct tk_seal_credential *c)
{
    atomic_fetch_add(&c->references, 1);
    return c;
}

static void forget(const struct tk_seal_credential *c)
{
    struct tk_seal_credential **at = &in_use;

    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
}

void tk_seal_credential_drop(struct tk_seal_credential *c)
{
    OM_uint32 minor;
    bool last;

    if (!c) {
        return;
    }
    uv_mutex_lock(&in_use_lock); // nobody finds it while it goes
    last = atomic_fetch_sub(&c->references, 1) == 1;
    if (last) {
        forget(c);
    }
    uv_mutex_unlock(&in_use_lock);
    if (!last) {
        return;
    }
    tk_gss_kerberos_free(&c->kerberos);
    gss_release_cred(&minor, &c->ntlm);
    uv_mutex_destroy(&c->lock);
    tk_free(c->who.principal);
    tk_free(c->who.user);
    tk_free_secret(c->who.password);
    tk_free(c->who.keytab);
    tk_free(c);
}

// ---- the lab's side

int tk_gss_acceptor(gss_cred_id_t *out, const char *keytab, struct tk_failure *err)
{
    struct tk_gss_status status = {GSS_S_COMPLETE, 0};

    // Not by gss_acquire_cred_from: with what that gives, gss-ntlmssp 1.2 crashes.
    if (keytab) {
        status.major = krb5_gss_register_acceptor_identity(keytab);
    }
    if (!GSS_ERROR(status.major)) {
        status.major = gss_acquire_cred(&status.minor, GSS_C_NO_NAME, GSS_C_INDEFINITE,
                                        GSS_C_NO_OID_SET, GSS_C_ACCEPT, out, NULL, NULL);
    }
    return GSS_ERROR(status.major)
               ? tk_gss_fail(err, &status, &spnego_oid, "no key to accept callers with")
               : 0;
}
