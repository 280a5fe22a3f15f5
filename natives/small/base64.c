// See base64.h.
#include "base64.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void tk_base64_encode(struct tk_buffer *out, const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;

    for (size_t i = 0; i < len; i += 3) {
        size_t more = len - i;
        unsigned n = (unsigned)p[i] << 16 | (more > 1 ? (unsigned)p[i + 1] << 8 : 0u) |
                     (more > 2 ? (unsigned)p[i + 2] : 0u);
        char four[4] = {letters[n >> 18], letters[n >> 12 & 63], letters[n >> 6 & 63],
                        letters[n & 63]};

        memset(four + (more > 2 ? 4 : more + 1), '=', more > 2 ? 0 : 3 - more);
        tk_buffer_add(out, four, sizeof four);
    }
}

static int value_of(char c)
{
    const char *at = c ? strchr(letters, c) : NULL;

    return at ? (int)(at - letters) : -1;
}

bool tk_base64_decode(struct tk_buffer *out, const char *text, size_t len)
{
    size_t padding = 0;

    if (len % 4 != 0) {
        return false;
    }
    while (padding < 2 && padding < len && text[len - 1 - padding] == '=') {
        padding++;
    }
    for (size_t i = 0; i < len; i += 4) {
        size_t gone = i + 4 == len ? padding : 0;
        unsigned n = 0;
        char three[3];

        for (size_t k = 0; k < 4; k++) {
            int value = k >= 4 - gone ? 0 : value_of(text[i + k]);

            if (value < 0) {
                return false;
            }
            n = n << 6 | (unsigned)value;
        }
        three[0] = (char)(unsigned char)(n >> 16);
        three[1] = (char)(unsigned char)(n >> 8);
        three[2] = (char)(unsigned char)n;
        tk_buffer_add(out, three, 3 - gone);
    }
    return true;
}
