// The body of a WS-Management message that is encrypted by the security context of its connection:
// multipart/encrypted as MS-WSMV 2.2.9.1 has it. Only the framing: what is inside is seal.h's.
// Plain C on memory; knows no network, no Lua.
#ifndef TK_SEAL_FRAME_H
#define TK_SEAL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/failure.h"
#include "runtime/memory.h"

enum tk_seal_protocol { // who encrypts; an answer must come by the protocol of its request
    TK_SEAL_SPNEGO,
    TK_SEAL_KERBEROS,
};

struct tk_seal_frame { // points into the body that was read
    enum tk_seal_protocol protocol;
    char inner_type[64]; // "application/soap+xml;charset=UTF-8"
    size_t plain_len;    // as the sender says; decide on it only together with what was decrypted
    const char *header;  // the security token that stands apart
    size_t header_len;
    const char *sealed;
    size_t sealed_len;
};

// The value of the header Content-Type.
const char *tk_seal_frame_type(enum tk_seal_protocol protocol);
// Appends the body.
void tk_seal_frame_write(struct tk_buffer *body, enum tk_seal_protocol protocol, size_t plain_len,
                         const struct tk_buffer *header, const struct tk_buffer *sealed);
// Whether a Content-Type claims to be such a message. Says nothing on whether the body is.
bool tk_seal_frame_claims(const char *content_type);
// Takes exactly one encrypted part; anything else is refused with WMI_SEAL.
int tk_seal_frame_read(struct tk_seal_frame *out, const char *content_type, const char *body,
                       size_t len, struct tk_failure *err);

#endif
