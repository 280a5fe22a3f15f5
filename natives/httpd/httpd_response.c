// Answers of the lab's HTTP server: plain ones, and those that are padded or break off.
#include "httpd_response.h"

#include <string.h>

#define PAD_PIECE_MAX 65536

// What a response callback sends.
struct source {
    char *body;
    size_t body_len;
    uint64_t stop; // bytes after which it breaks off
    uint64_t size; // bytes promised
};

static ssize_t on_read(void *cls, uint64_t position, char *out, size_t max)
{
    const struct source *source = cls;
    uint64_t left;

    if (position >= source->stop) {
        return source->stop < source->size ? MHD_CONTENT_READER_END_WITH_ERROR
                                           : MHD_CONTENT_READER_END_OF_STREAM;
    }
    left = source->stop - position;
    if (left > max) {
        left = max;
    }
    if (position < source->body_len) {
        if (left > source->body_len - position) {
            left = source->body_len - position;
        }
        memcpy(out, source->body + position, (size_t)left);
    } else {
        memset(out, ' ', (size_t)left);
    }
    return (ssize_t)left;
}

static void on_source_done(void *cls)
{
    struct source *source = cls;

    tk_free(source->body);
    tk_free(source);
}

struct MHD_Response *tk_httpd_response(const struct tk_httpd_answer *answer)
{
    struct MHD_Response *response;
    struct source *source;

    if (answer->pad_bytes == 0 && !answer->truncated) {
        response = MHD_create_response_from_buffer(
            answer->body_len, (void *)(uintptr_t)answer->body, MHD_RESPMEM_MUST_COPY);
    } else {
        source = tk_alloc(sizeof *source);
        source->body = tk_strndup(answer->body, answer->body_len);
        source->body_len = answer->body_len;
        source->size = answer->body_len + answer->pad_bytes;
        source->stop = answer->truncated ? answer->truncate_bytes : source->size;
        if (source->stop > source->size) {
            source->stop = source->size;
        }
        response = MHD_create_response_from_callback(source->size, PAD_PIECE_MAX, on_read, source,
                                                     on_source_done);
    }
    for (size_t i = 0; response && i < answer->headers->count; i++) {
        const struct tk_httpd_pair *pair = &answer->headers->items[i];

        if (MHD_add_response_header(response, pair->name, pair->value) != MHD_YES) {
            MHD_destroy_response(response);
            response = NULL;
        }
    }
    return response;
}
