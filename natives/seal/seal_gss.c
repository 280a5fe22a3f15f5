// seal.h over GSSAPI: SPNEGO with MIT Kerberos and, where its plug-in is installed, gss-ntlmssp.
// Kerberos is always tried alone first: whether NTLM follows is decided here, because the library
// would take whatever mechanism is left and hide why Kerberos did not work. Credentials and their
// errors are seal_gss_credential.c's.
#include "seal.h"
#include "seal_gss.h"

#include <stdio.h>
#include <string.h>

#define CONTEXT_FLAGS                                                                              \
    (GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG |               \
     GSS_C_INTEG_FLAG)
#define NTLM_SIGNATURE_BYTES 16
#define TOKEN_MAX_BYTES      65536

struct tk_seal {
    gss_ctx_id_t context;
    struct tk_seal_credential *credential; // NULL: an acceptor
    gss_name_t target;
    gss_cred_id_t own; // an acceptor's
    char *host;
    char *binding;
    struct gss_channel_bindings_struct bindings;
    bool encrypts;
    bool done;
    bool ntlm;
    bool bound;
    int nth; // of the credential's tries
    char *account;
    struct tk_failure kerberos; // why not, where nth is not 0
};

// ---- the steps of a context

static int refuse(struct tk_failure *err, const char *why)
{
    return tk_fail(err, TK_WMI_AUTH, "the two sides do not agree on a security context: %s", why);
}

// What was agreed on must be what was asked for.
static int finish(struct tk_seal *s, OM_uint32 flags, struct tk_failure *err)
{
    gss_name_t initiator = GSS_C_NO_NAME;
    gss_OID mechanism = GSS_C_NO_OID;
    OM_uint32 minor;

    if (gss_inquire_context(&minor, s->context, &initiator, NULL, NULL, &mechanism, NULL, NULL,
                            NULL) != GSS_S_COMPLETE) {
        return refuse(err, "it cannot be looked at");
    }
    s->ntlm = mechanism && tk_gss_is_ntlm(mechanism);
    s->account = tk_gss_name(initiator);
    gss_release_name(&minor, &initiator);
    if (s->encrypts &&
        (flags & (GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG)) != (GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG)) {
        return refuse(err, "it would not encrypt");
    }
    if (s->credential && !s->ntlm && !(flags & GSS_C_MUTUAL_FLAG)) {
        return refuse(err, "the host did not prove who it is");
    }
    if (s->credential && !tk_gss_is_account(s->credential, s->account)) {
        return tk_fail(err, TK_WMI_AUTH,
                       "the ticket that was found is that of %.100s, not of the "
                       "account that was asked for",
                       s->account);
    }
    s->bound = s->binding && (flags & GSS_C_CHANNEL_BOUND_FLAG) != 0;
    s->done = true;
    return 0;
}

static void take_token(gss_buffer_desc *made, struct tk_buffer *token)
{
    OM_uint32 minor;

    if (made->length > 0) {
        tk_buffer_add(token, made->value, made->length);
    }
    gss_release_buffer(&minor, made);
}

static struct gss_channel_bindings_struct *bindings_of(struct tk_seal *s)
{
    return s->binding ? &s->bindings : GSS_C_NO_CHANNEL_BINDINGS;
}

static int initiate(struct tk_seal *s, gss_cred_id_t credential, gss_buffer_desc *in,
                    struct tk_buffer *token, struct tk_gss_status *status, struct tk_failure *err)
{
    gss_buffer_desc made = GSS_C_EMPTY_BUFFER;
    OM_uint32 flags = 0;

    status->major = gss_init_sec_context(&status->minor, credential, &s->context, s->target,
                                         tk_gss_mechanism(s->nth), CONTEXT_FLAGS, 0, bindings_of(s),
                                         in, NULL, &made, &flags, NULL);
    take_token(&made, token);
    if (GSS_ERROR(status->major)) {
        return -1;
    }
    return status->major == GSS_S_COMPLETE ? finish(s, flags, err) : 0;
}

static int accept(struct tk_seal *s, gss_buffer_desc *in, struct tk_buffer *token,
                  struct tk_failure *err)
{
    gss_buffer_desc made = GSS_C_EMPTY_BUFFER;
    struct tk_gss_status status = {0};
    OM_uint32 flags = 0;

    status.major = gss_accept_sec_context(&status.minor, &s->context, s->own, in, bindings_of(s),
                                          NULL, NULL, &made, &flags, NULL, NULL);
    take_token(&made, token);
    if (GSS_ERROR(status.major)) {
        return tk_gss_fail(err, &status, tk_gss_spnego, "the caller is refused");
    }
    return status.major == GSS_S_COMPLETE ? finish(s, flags, err) : 0;
}

int tk_seal_step(struct tk_seal *s, const char *in, size_t in_len, struct tk_buffer *token,
                 struct tk_failure *err)
{
    gss_buffer_desc given = {in_len, (void *)(uintptr_t)in};
    struct tk_gss_status status = {0};

    if (in_len > TOKEN_MAX_BYTES || s->done) {
        return refuse(err, s->done ? "it is established already" : "the token is too long");
    }
    if (!s->credential) {
        return accept(s, &given, token, err);
    }
    if (initiate(s, tk_gss_current(s->credential, s->nth), &given, token, &status, err) == 0) {
        return 0;
    }
    if (GSS_ERROR(status.major)) {
        tk_gss_fail(err, &status, tk_gss_spnego, "the host did not take the login");
        tk_fail_hint(err, "do the clocks agree, and is the host's name the one that its domain "
                          "knows it by");
    }
    return -1;
}

// ---- opening

static struct tk_seal *new_seal(const char *binding, size_t binding_len)
{
    struct tk_seal *s = tk_alloc(sizeof *s);

    s->context = GSS_C_NO_CONTEXT;
    s->target = GSS_C_NO_NAME;
    s->own = GSS_C_NO_CREDENTIAL;
    if (binding) {
        s->binding = tk_alloc(binding_len + 1);
        memcpy(s->binding, binding, binding_len);
        s->bindings.initiator_addrtype = GSS_C_AF_UNSPEC;
        s->bindings.acceptor_addrtype = GSS_C_AF_UNSPEC;
        s->bindings.application_data.length = binding_len;
        s->bindings.application_data.value = s->binding;
    }
    return s;
}

// Kerberos, then perhaps NTLM. What Kerberos said counts when neither works.
static int first_token(struct tk_seal *s, struct tk_buffer *token, struct tk_failure *err)
{
    struct tk_failure first = {0};
    bool may_go_on = true;
    OM_uint32 minor;

    tk_fail(&first, TK_WMI_AUTH, "there is no way to log in to %.100s", s->host);
    for (s->nth = 0; s->nth < TK_GSS_TRIES && may_go_on; s->nth++) {
        struct tk_gss_status status = {0};
        struct tk_failure why = first;
        // GSS_C_NO_CREDENTIAL would mean: anybody's.
        gss_cred_id_t credential = tk_gss_credential(s->credential, s->nth, s->target, s->host,
                                                     bindings_of(s), &may_go_on, &why);

        if (credential != GSS_C_NO_CREDENTIAL) {
            if (initiate(s, credential, NULL, token, &status, &why) == 0) {
                s->kerberos = first;
                return 0;
            }
            gss_delete_sec_context(&minor, &s->context, NULL);
            if (GSS_ERROR(status.major)) {
                tk_gss_fail(&why, &status, tk_gss_spnego, "no first token for the host");
            }
        }
        first = s->nth == 0 || !first.hint[0] ? why : first;
    }
    *err = first;
    return -1;
}

static int import_host(gss_name_t *out, const char *host, struct tk_failure *err)
{
    char *service = tk_sprintf("HTTP@%s", host);
    int result = tk_gss_import_name(out, service, GSS_C_NT_HOSTBASED_SERVICE, err);

    tk_free(service);
    return result;
}

int tk_seal_begin(struct tk_seal **out, struct tk_seal_credential *credential,
                  const struct tk_seal_target *target, struct tk_buffer *token,
                  struct tk_failure *err)
{
    struct tk_seal *s = new_seal(target->binding, target->binding_len);

    *out = NULL;
    s->credential = tk_seal_credential_share(credential);
    s->encrypts = target->encrypts;
    s->host = tk_strdup(target->host);
    if (import_host(&s->target, target->host, err) != 0 || first_token(s, token, err) != 0) {
        tk_seal_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

int tk_seal_accept(struct tk_seal **out, const char *keytab, const char *binding,
                   size_t binding_len, struct tk_failure *err)
{
    struct tk_seal *s = new_seal(binding, binding_len);

    *out = NULL;
    if (tk_gss_acceptor(&s->own, keytab, err) != 0) {
        tk_seal_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void tk_seal_close(struct tk_seal *s)
{
    OM_uint32 minor;

    if (!s) {
        return;
    }
    gss_delete_sec_context(&minor, &s->context, NULL);
    gss_release_name(&minor, &s->target);
    gss_release_cred(&minor, &s->own);
    tk_seal_credential_drop(s->credential);
    tk_free(s->host);
    tk_free(s->binding);
    tk_free(s->account);
    tk_free(s);
}

// ---- what is established

bool tk_seal_is_done(const struct tk_seal *s)
{
    return s->done;
}

bool tk_seal_is_bound(const struct tk_seal *s)
{
    return s->bound;
}

bool tk_seal_lasts(const struct tk_seal *s, int seconds)
{
    OM_uint32 minor, left = 0;

    return s->done && gss_context_time(&minor, s->context, &left) == GSS_S_COMPLETE &&
           left >= (OM_uint32)seconds;
}

const struct tk_failure *tk_seal_instead(const struct tk_seal *s)
{
    return s->nth > 0 && s->kerberos.hint[0] ? &s->kerberos : NULL;
}

const char *tk_seal_mechanism_name(const struct tk_seal *s)
{
    return s->ntlm ? "NTLM" : "Kerberos";
}

const char *tk_seal_account(const struct tk_seal *s)
{
    return s->account ? s->account : "";
}

// ---- messages

static int broken(struct tk_failure *err, OM_uint32 major, OM_uint32 minor, const char *what)
{
    struct tk_gss_status status = {major, minor};

    tk_gss_fail(err, &status, tk_gss_spnego, what);
    err->code = TK_WMI_SEAL;
    err->transient = false;
    return -1;
}

// gss-ntlmssp knows whole messages only: the signature comes first in them (MS-NLMP 2.2.2.9).
static int wrap_ntlm(struct tk_seal *s, const char *text, size_t len, struct tk_buffer *header,
                     struct tk_buffer *sealed, struct tk_failure *err)
{
    gss_buffer_desc plain = {len, (void *)(uintptr_t)text}, made = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor;
    int encrypted = 0;
    bool good;

    major = gss_wrap(&minor, s->context, 1, GSS_C_QOP_DEFAULT, &plain, &encrypted, &made);
    good = !GSS_ERROR(major) && encrypted && made.length >= NTLM_SIGNATURE_BYTES;
    if (good) {
        tk_buffer_add(header, made.value, NTLM_SIGNATURE_BYTES);
        tk_buffer_add(sealed, (char *)made.value + NTLM_SIGNATURE_BYTES,
                      made.length - NTLM_SIGNATURE_BYTES);
    }
    gss_release_buffer(&minor, &made);
    return good ? 0 : broken(err, major, minor, "the message cannot be encrypted");
}

int tk_seal_wrap(struct tk_seal *s, const char *text, size_t len, struct tk_buffer *header,
                 struct tk_buffer *sealed, struct tk_failure *err)
{
    gss_iov_buffer_desc iov[3] = {
        {GSS_IOV_BUFFER_TYPE_HEADER | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
        {GSS_IOV_BUFFER_TYPE_DATA, {len, NULL}},
        {GSS_IOV_BUFFER_TYPE_PADDING | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
    };
    OM_uint32 major, minor, ignored;
    size_t before = sealed->len;
    int encrypted = 0;

    if (s->ntlm) {
        return wrap_ntlm(s, text, len, header, sealed, err);
    }
    tk_buffer_add(sealed, text, len); // encrypted in place
    iov[1].buffer.value = sealed->text + before;
    major = gss_wrap_iov(&minor, s->context, 1, GSS_C_QOP_DEFAULT, &encrypted, iov, 3);
    if (GSS_ERROR(major) || !encrypted) {
        memset(sealed->text + before, 0, len);
        sealed->len = before;
        return broken(err, major, minor, "the message cannot be encrypted");
    }
    tk_buffer_add(header, iov[0].buffer.value, iov[0].buffer.length);
    if (iov[2].buffer.length > 0) {
        tk_buffer_add(sealed, iov[2].buffer.value, iov[2].buffer.length);
    }
    gss_release_iov_buffer(&ignored, iov, 3);
    return 0;
}

static int unwrap_ntlm(struct tk_seal *s, const char *header, size_t header_len, const char *sealed,
                       size_t sealed_len, struct tk_buffer *text, struct tk_failure *err)
{
    gss_buffer_desc plain = GSS_C_EMPTY_BUFFER, given;
    struct tk_buffer whole = {0};
    OM_uint32 major, minor, ignored;
    int encrypted = 0;

    tk_buffer_add(&whole, header, header_len);
    tk_buffer_add(&whole, sealed, sealed_len);
    given = (gss_buffer_desc){whole.len, whole.text};
    major = gss_unwrap(&minor, s->context, &given, &plain, &encrypted, NULL);
    if (major == GSS_S_COMPLETE && encrypted) {
        tk_buffer_add(text, plain.value, plain.length);
    }
    gss_release_buffer(&ignored, &plain);
    tk_buffer_free(&whole);
    return major == GSS_S_COMPLETE && encrypted
               ? 0
               : broken(err, major, minor, "the message was not encrypted as agreed");
}

int tk_seal_unwrap(struct tk_seal *s, const char *header, size_t header_len, const char *sealed,
                   size_t sealed_len, struct tk_buffer *text, struct tk_failure *err)
{
    struct tk_buffer token = {0}, data = {0};
    gss_iov_buffer_desc iov[3] = {
        {GSS_IOV_BUFFER_TYPE_HEADER, GSS_C_EMPTY_BUFFER},
        {GSS_IOV_BUFFER_TYPE_DATA, GSS_C_EMPTY_BUFFER},
        {GSS_IOV_BUFFER_TYPE_DATA, GSS_C_EMPTY_BUFFER},
    };
    OM_uint32 major, minor;
    int encrypted = 0, result = 0;

    if (!s->done) {
        return refuse(err, "it is not established yet");
    }
    if (s->ntlm) {
        return unwrap_ntlm(s, header, header_len, sealed, sealed_len, text, err);
    }
    tk_buffer_add(&token, header, header_len); // the library decrypts in place
    tk_buffer_add(&data, sealed, sealed_len);
    iov[0].buffer = (gss_buffer_desc){token.len, token.text};
    iov[1].buffer = (gss_buffer_desc){data.len, data.text};
    major = gss_unwrap_iov(&minor, s->context, &encrypted, NULL, iov, 3);
    // GSS_S_DUPLICATE_TOKEN and its like are no errors to the library, but a repeated message.
    if (major == GSS_S_COMPLETE && encrypted) {
        tk_buffer_add(text, iov[1].buffer.value, iov[1].buffer.length);
    } else {
        result = broken(err, major, minor, "the message was not encrypted as agreed");
    }
    tk_buffer_free(&token);
    tk_buffer_free(&data);
    return result;
}
