// See httpd.h. libmicrohttpd runs in external mode: libuv watches its epoll descriptor and its
// timeouts. Where libmicrohttpd has no epoll (Windows) a short timer drives it instead; for a lab
// that is good enough.
#include "httpd.h"
#include "httpd_response.h"
#include "platform/platform.h"

#include <ctype.h>
#include <microhttpd.h>
#include <string.h>
#include <uv.h>

#define IDLE_SECONDS 300u // a kept-alive connection without a request
#define RUNS_MAX     16   // in a row, before the loop gets its turn
#define POLL_MS      2    // only without epoll

enum stage {
    STAGE_COLLECTING, // the request arrives
    STAGE_WAITING,    // suspended: in the queue, or taken
    STAGE_ANSWERED,   // response is set, the connection is to be resumed
    STAGE_DROPPED,
    STAGE_GONE, // the connection is no more, or the answer is libmicrohttpd's business now
};

struct tk_exchange_state {
    struct tk_exchange *exchange;
    int references; // the connection's and the taker's
    enum stage stage;
    struct tk_httpd *server;
    struct MHD_Connection *connection;
    struct MHD_Response *response;
    unsigned status;
    bool too_large;
    struct tk_exchange *next;          // in the queue
    struct tk_exchange *newer, *older; // among all exchanges with a connection
};

struct tk_httpd {
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles;
    bool has_epoll;
    bool secure;
    bool closing;
    bool running;
    int port;
    uint64_t connections; // so far
    size_t max_body_bytes;
    void (*arrived)(void *arg);
    void *arg;
    struct tk_exchange *queue_first, *queue_last;
    struct tk_exchange *newest;
};

void tk_httpd_pairs_add(struct tk_httpd_pairs *pairs, const char *name, const char *value)
{
    struct tk_httpd_pair *pair;

    pairs->items = tk_realloc(pairs->items, (pairs->count + 1) * sizeof pairs->items[0]);
    pair = &pairs->items[pairs->count++];
    pair->name = tk_strdup(name);
    pair->value = tk_strdup(value ? value : "");
}

void tk_httpd_pairs_free(struct tk_httpd_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        tk_free(pairs->items[i].name);
        tk_free(pairs->items[i].value);
    }
    tk_free(pairs->items);
    *pairs = (struct tk_httpd_pairs){0};
}

// ---- exchanges ------------------------------------------------------------------------------

static uint64_t number_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? (uint64_t)(uintptr_t)info->socket_context : 0;
}

static struct tk_exchange *exchange_new(struct tk_httpd *server, struct MHD_Connection *connection,
                                        const char *method, const char *path)
{
    struct tk_exchange *x = tk_alloc(sizeof *x);

    x->method = tk_strdup(method);
    x->path = tk_strdup(path);
    x->secure = server->secure;
    x->connection = number_of(connection);
    x->state = tk_alloc(sizeof *x->state);
    x->state->exchange = x;
    x->state->references = 1;
    x->state->server = server;
    x->state->connection = connection;
    x->state->older = server->newest;
    if (server->newest) {
        server->newest->state->newer = x;
    }
    server->newest = x;
    return x;
}

static void unreference(struct tk_exchange *x)
{
    if (--x->state->references > 0) {
        return;
    }
    if (x->state->response) {
        MHD_destroy_response(x->state->response);
    }
    tk_httpd_pairs_free(&x->query);
    tk_httpd_pairs_free(&x->headers);
    tk_buffer_free(&x->body);
    tk_free(x->method);
    tk_free(x->path);
    tk_free(x->state);
    tk_free(x);
}

// The connection is done with this request.
static void detach(struct tk_exchange *x)
{
    struct tk_exchange_state *s = x->state;

    if (s->newer) {
        s->newer->state->older = s->older;
    } else {
        s->server->newest = s->older;
    }
    if (s->older) {
        s->older->state->newer = s->newer;
    }
    s->stage = STAGE_GONE;
    s->connection = NULL;
    s->server = NULL;
    unreference(x);
}

static void enqueue(struct tk_httpd *server, struct tk_exchange *x)
{
    x->state->references++;
    if (server->queue_last) {
        server->queue_last->state->next = x;
    } else {
        server->queue_first = x;
    }
    server->queue_last = x;
}

struct tk_exchange *tk_httpd_take(struct tk_httpd *server)
{
    struct tk_exchange *x = server->queue_first;

    if (x) {
        server->queue_first = x->state->next;
        if (!server->queue_first) {
            server->queue_last = NULL;
        }
        x->state->next = NULL;
    }
    return x;
}

// ---- libmicrohttpd's callbacks --------------------------------------------------------------

static enum MHD_Result add_query(void *cls, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    (void)kind;
    tk_httpd_pairs_add(cls, key, value);
    return MHD_YES;
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    struct tk_httpd_pairs *pairs = cls;

    (void)kind;
    tk_httpd_pairs_add(pairs, key, value);
    for (char *p = pairs->items[pairs->count - 1].name; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return MHD_YES;
}

static enum MHD_Result queue_answer(struct tk_exchange *x)
{
    struct tk_exchange_state *s = x->state;
    enum MHD_Result result = MHD_queue_response(s->connection, s->status, s->response);

    s->stage = STAGE_GONE;
    return result;
}

static enum MHD_Result answer_too_large(struct MHD_Connection *connection)
{
    static char text[] = "the body is too large\n";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, 413, response);

    MHD_destroy_response(response);
    return result;
}

// Called for the headers, for each piece of the body, at the end of the request, and again after
// the connection was resumed. MHD_NO closes the connection without an answer.
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *http_version, const char *data,
                                  size_t *data_len, void **context)
{
    struct tk_httpd *server = cls;
    struct tk_exchange *x = *context;

    (void)http_version;
    if (!x) {
        *context = exchange_new(server, connection, method, url);
        return MHD_YES;
    }
    switch (x->state->stage) {
    case STAGE_COLLECTING:
        break;
    case STAGE_ANSWERED:
        return queue_answer(x);
    case STAGE_DROPPED:
        return MHD_NO;
    case STAGE_WAITING:
    case STAGE_GONE:
        return MHD_YES;
    }
    if (*data_len > 0) {
        if (x->body.len + *data_len > server->max_body_bytes) {
            x->state->too_large = true;
            tk_buffer_free(&x->body);
        }
        if (!x->state->too_large) {
            tk_buffer_add(&x->body, data, *data_len);
        }
        *data_len = 0;
        return MHD_YES;
    }
    if (x->state->too_large) {
        x->state->stage = STAGE_GONE;
        return answer_too_large(connection);
    }
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, &x->query);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &x->headers);
    x->state->stage = STAGE_WAITING;
    MHD_suspend_connection(connection);
    enqueue(server, x);
    server->arrived(server->arg);
    return MHD_YES;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct tk_httpd *server = cls;

    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = (void *)(uintptr_t)++server->connections;
    }
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct tk_exchange *x = *context;

    (void)cls;
    (void)connection;
    (void)code;
    if (x) {
        *context = NULL;
        detach(x);
    }
}

// ---- the loop -------------------------------------------------------------------------------

static void on_timer(uv_timer_t *timer);

// Lets libmicrohttpd do what there is to do, and arranges for the next time.
static void run(struct tk_httpd *server)
{
    MHD_UNSIGNED_LONG_LONG timeout = 0;
    bool has_timeout = false;

    if (server->running || server->closing) {
        return;
    }
    server->running = true;
    for (int i = 0; i < RUNS_MAX; i++) {
        MHD_run(server->daemon);
        has_timeout = MHD_get_timeout(server->daemon, &timeout) == MHD_YES;
        if (!has_timeout || timeout > 0) {
            break;
        }
    }
    server->running = false;
    if (!server->has_epoll && (!has_timeout || timeout > POLL_MS)) {
        has_timeout = true;
        timeout = POLL_MS;
    }
    if (has_timeout) {
        uv_timer_start(&server->timer, on_timer, timeout, 0);
    } else {
        uv_timer_stop(&server->timer);
    }
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct tk_httpd *server = handle->data;

    if (--server->open_handles == 0) {
        tk_free(server);
    }
}

// ---- answers --------------------------------------------------------------------------------

static void resume(struct tk_exchange *x, enum stage stage)
{
    struct tk_httpd *server = x->state->server;

    x->state->stage = stage;
    MHD_resume_connection(x->state->connection);
    run(server);
}

bool tk_exchange_answer(struct tk_exchange *x, const struct tk_httpd_answer *answer)
{
    struct MHD_Response *response;

    if (x->state->stage != STAGE_WAITING) {
        return false;
    }
    response = tk_httpd_response(answer);
    if (!response) {
        return false;
    }
    x->state->response = response;
    x->state->status = (unsigned)answer->status;
    resume(x, STAGE_ANSWERED);
    return true;
}

void tk_exchange_drop(struct tk_exchange *x)
{
    if (x->state->stage == STAGE_WAITING) {
        resume(x, STAGE_DROPPED);
    }
}

void tk_exchange_release(struct tk_exchange *x)
{
    tk_exchange_drop(x);
    unreference(x);
}

// ---- open and close -------------------------------------------------------------------------

static int parse_address(const char *text, int port, struct sockaddr_storage *out,
                         struct tk_failure *err)
{
    memset(out, 0, sizeof *out);
    if (uv_ip4_addr(text, port, (struct sockaddr_in *)out) != 0 &&
        uv_ip6_addr(text, port, (struct sockaddr_in6 *)out) != 0) {
        return tk_fail(err, TK_HTTPD_FAILED, "%s is not a numeric address", text);
    }
    return 0;
}

static int start_daemon(struct tk_httpd *server, const struct tk_httpd_options *options,
                        struct tk_failure *err)
{
    const char *address = options->address ? options->address : "127.0.0.1";
    unsigned flags = MHD_ALLOW_SUSPEND_RESUME;
    struct sockaddr_storage where;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key},
        {MHD_OPTION_END, 0, NULL},
    };

    if (parse_address(address, options->port, &where, err) != 0) {
        return -1;
    }
    if (where.ss_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    if (server->has_epoll) {
        flags |= MHD_USE_EPOLL;
    }
    if (server->secure) {
        if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
            return tk_fail(err, TK_HTTPD_FAILED, "this libmicrohttpd has no TLS");
        }
        flags |= MHD_USE_TLS;
    }
    tk_platform_socket_error(NULL);
    server->daemon = MHD_start_daemon(
        flags, (uint16_t)options->port, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR,
        (struct sockaddr *)&where, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_TIMEOUT,
        IDLE_SECONDS, MHD_OPTION_ARRAY, server->secure ? tls : &tls[2], MHD_OPTION_END);
    if (!server->daemon) {
        struct tk_buffer why = {0};

        tk_platform_socket_error(&why);
        tk_fail(err, TK_HTTPD_FAILED, "cannot listen on %s port %d: %s", address, options->port,
                why.len > 0 ? why.text : "certificate or key refused");
        tk_buffer_free(&why);
        return -1;
    }
    return 0;
}

int tk_httpd_open(struct tk_httpd **out, const struct tk_httpd_options *options,
                  struct tk_failure *err)
{
    struct tk_httpd *server = tk_alloc(sizeof *server);
    uv_loop_t *loop = uv_default_loop();

    server->has_epoll = MHD_is_feature_supported(MHD_FEATURE_EPOLL) == MHD_YES;
    server->secure = options->certificate != NULL;
    server->max_body_bytes = options->max_body_bytes;
    server->arrived = options->arrived;
    server->arg = options->arg;
    if (start_daemon(server, options, err) != 0) {
        tk_free(server);
        return -1;
    }
    server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    if (server->has_epoll) {
        int fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;

        if (uv_poll_init(loop, &server->poll, fd) != 0) {
            MHD_stop_daemon(server->daemon);
            tk_free(server);
            return tk_fail(err, TK_HTTPD_FAILED, "the loop cannot watch the server");
        }
        server->poll.data = server;
        server->open_handles++;
        uv_poll_start(&server->poll, UV_READABLE, on_readable);
    }
    uv_timer_init(loop, &server->timer);
    server->timer.data = server;
    server->open_handles++;
    run(server);
    *out = server;
    return 0;
}

int tk_httpd_port(const struct tk_httpd *server)
{
    return server->port;
}

void tk_httpd_close(struct tk_httpd *server)
{
    struct tk_exchange *x;

    server->closing = true;
    while ((x = tk_httpd_take(server)) != NULL) {
        tk_exchange_release(x);
    }
    // libmicrohttpd does not stop while a connection is suspended.
    for (x = server->newest; x; x = x->state->older) {
        if (x->state->stage == STAGE_WAITING) {
            x->state->stage = STAGE_DROPPED;
            MHD_resume_connection(x->state->connection);
        }
    }
    if (server->has_epoll) {
        uv_poll_stop(&server->poll);
        uv_close((uv_handle_t *)&server->poll, on_handle_closed);
    }
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}
