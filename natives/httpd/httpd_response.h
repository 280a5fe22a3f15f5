// Internal to httpd: an answer as libmicrohttpd wants it.
#ifndef TK_HTTPD_RESPONSE_H
#define TK_HTTPD_RESPONSE_H

#include <microhttpd.h>

#include "httpd.h"

// NULL when a header is not allowed. Copies what it needs.
struct MHD_Response *tk_httpd_response(const struct tk_httpd_answer *answer);

#endif
