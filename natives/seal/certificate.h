// What the proof of identity inside a TLS connection is bound to, so that nobody can pass it on:
// the hash of the server's certificate, "tls-server-end-point" of RFC 5929.
#ifndef TK_CERTIFICATE_H
#define TK_CERTIFICATE_H

#include "runtime/memory.h"

// Appends "tls-server-end-point:" and the hash, for the first certificate of a PEM text. False,
// and nothing appended, when it is none or is signed in a way for which no binding is defined.
bool tk_certificate_binding(struct tk_buffer *out, const char *pem);

#endif
