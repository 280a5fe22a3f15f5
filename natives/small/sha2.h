// SHA-256, SHA-384 and SHA-512. None of the libraries that the program links on every platform
// offers them. Source: FIPS 180-4.
#ifndef TK_SHA2_H
#define TK_SHA2_H

#include <stddef.h>
#include <stdint.h>

#define TK_SHA2_MAX_BYTES 64

void tk_sha256(const void *bytes, size_t len_bytes, unsigned char out[32]);
// `bits`: 256, 384 or 512. Returns the length of what was written.
size_t tk_sha2(int bits, const void *bytes, size_t len_bytes, unsigned char out[TK_SHA2_MAX_BYTES]);

#endif
