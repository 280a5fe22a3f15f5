// A security context of one connection: who we are to the other side, and the encryption that both
// have agreed on. GSSAPI on POSIX (seal_gss.c), SSPI on Windows (seal_sspi_win32.c). Any thread,
// one at a time for each context; credentials may be shared. Knows no HTTP, no Lua.
//
// A credential is that of one account and never of another: with `user` and `password` it is made
// of these two alone, and whatever tickets lie on the machine are not looked at.
#ifndef TK_SEAL_H
#define TK_SEAL_H

#include <stddef.h>

#include "runtime/failure.h"
#include "runtime/limit.h"
#include "runtime/memory.h"

struct tk_seal_credential;
struct tk_seal;

enum tk_seal_mechanism {
    TK_SEAL_NEGOTIATE, // Kerberos; NTLM where Kerberos does not know the account or the host
    TK_SEAL_ONLY_KERBEROS,
    TK_SEAL_ONLY_NTLM,
};

struct tk_seal_who {
    const char *user;     // "user@REALM" or "DOMAIN\\user"; NULL: as `ticket` or the keytab says,
                          // on Windows the running account
    const char *password; // NULL: keytab or ticket instead
    const char *keytab;   // a file
    bool ticket;          // the ticket that is there (kinit's)
    enum tk_seal_mechanism mechanism;
};

struct tk_seal_target {
    const char *host;    // of the address that is connected to
    const char *binding; // what the channel below proves, NULL: there is none
    size_t binding_len;
    bool encrypts; // messages will be encrypted: without that it is refused
};

// Asks nobody yet, may read files; the same account gets the same credential while it is in use.
// WMI_BAD_PARAMETER where the choice cannot be, WMI_AUTH where the account has no proof of
// identity.
int tk_seal_acquire(struct tk_seal_credential **out, const struct tk_seal_who *who,
                    struct tk_failure *err);
// Whether its tickets are good for at least this long, as far as they are its own.
bool tk_seal_credential_lasts(struct tk_seal_credential *credential, int seconds);
struct tk_seal_credential *tk_seal_credential_share(struct tk_seal_credential *credential);
// Whoever acquires from now on gets a new one.
void tk_seal_credential_spoil(struct tk_seal_credential *credential);
void tk_seal_credential_drop(struct tk_seal_credential *credential); // NULL is harmless

// Begins a context, and gives the first token for the other side. May ask a domain controller, for
// as long as that takes: call tk_seal_start instead where a limit counts.
int tk_seal_begin(struct tk_seal **out, struct tk_seal_credential *credential,
                  const struct tk_seal_target *target, struct tk_buffer *token,
                  struct tk_failure *err);
// The same within a limit (seal_start.c): what takes longer is left to itself. WMI_LOGIN.
int tk_seal_start(struct tk_seal **out, struct tk_seal_credential *credential,
                  const struct tk_seal_target *target, struct tk_buffer *token,
                  const struct tk_limit *limit, struct tk_failure *err);
// The other side, for the lab. keytab NULL: the system's.
int tk_seal_accept(struct tk_seal **out, const char *keytab, const char *binding,
                   size_t binding_len, struct tk_failure *err);
// Takes a token of the other side; `token` gets the next one for it, if there is one (appended).
int tk_seal_step(struct tk_seal *seal, const char *in, size_t in_len, struct tk_buffer *token,
                 struct tk_failure *err);
// Whether both sides are known to each other: only then may messages be sent.
bool tk_seal_is_done(const struct tk_seal *seal);
// Whether it holds for at least this long.
bool tk_seal_lasts(const struct tk_seal *seal, int seconds);
// Whether the other side proved itself for this very channel (acceptors).
bool tk_seal_is_bound(const struct tk_seal *seal);
// "Kerberos" or "NTLM", and the account that this side or, in an acceptor, the other side is.
const char *tk_seal_mechanism_name(const struct tk_seal *seal);
const char *tk_seal_account(const struct tk_seal *seal);

// Why it is not Kerberos, where NTLM was taken instead; else NULL.
const struct tk_failure *tk_seal_instead(const struct tk_seal *seal);

// Encrypts and signs. Both buffers are appended to.
int tk_seal_wrap(struct tk_seal *seal, const char *text, size_t len, struct tk_buffer *header,
                 struct tk_buffer *sealed, struct tk_failure *err);
// Decrypts and verifies; a message that was changed, repeated or not encrypted is WMI_SEAL.
int tk_seal_unwrap(struct tk_seal *seal, const char *header, size_t header_len, const char *sealed,
                   size_t sealed_len, struct tk_buffer *text, struct tk_failure *err);
void tk_seal_close(struct tk_seal *seal); // NULL is harmless

#endif
