// A port that says nothing, as that of a server without power: see httpd.h. The queue of
// connections that wait to be accepted is as short as it can be, filled by ourselves, and nobody
// ever accepts. Linux drops what a full queue has no room for, so that a client waits until it
// gives up. (Windows refuses it: there such a port is only closed.)
#include "httpd.h"
#include "platform/platform.h"

#include <string.h>
#include <uv.h>

#define CALLERS 4 // more than the shortest queue takes

struct tk_httpd_mute {
    uv_tcp_t listener;
    uv_tcp_t callers[CALLERS];
    uv_connect_t requests[CALLERS];
    int open_handles;
    int port;
};

static void on_closed(uv_handle_t *handle)
{
    struct tk_httpd_mute *mute = handle->data;

    if (--mute->open_handles == 0) {
        tk_free(mute);
    }
}

static void on_connected(uv_connect_t *request, int status)
{
    (void)request;
    (void)status;
}

static int bind_to(struct tk_httpd_mute *mute, const char *address, int port)
{
    struct sockaddr_storage where = {0};
    int len = (int)sizeof where;
    uv_os_fd_t fd;
    int result;

    if (uv_ip4_addr(address, port, (struct sockaddr_in *)&where) != 0 &&
        uv_ip6_addr(address, port, (struct sockaddr_in6 *)&where) != 0) {
        return UV_EINVAL;
    }
    result = uv_tcp_bind(&mute->listener, (struct sockaddr *)&where, 0);
    if (result == 0) { // tells also what the bind has put off
        result = uv_tcp_getsockname(&mute->listener, (struct sockaddr *)&where, &len);
    }
    if (result == 0) {
        result = uv_fileno((uv_handle_t *)&mute->listener, &fd);
    }
    // not uv_listen, which accepts a first connection by itself
    if (result == 0 && listen((uv_os_sock_t)(uintptr_t)fd, 0) != 0) {
        result = UV_EADDRINUSE;
    }
    if (result != 0) {
        return result;
    }
    // the port has the same place in both kinds of address
    mute->port = ntohs(((struct sockaddr_in *)&where)->sin_port);
    for (int i = 0; i < CALLERS && result == 0; i++) {
        result = uv_tcp_connect(&mute->requests[i], &mute->callers[i], (struct sockaddr *)&where,
                                on_connected);
    }
    return result;
}

static void add_handle(struct tk_httpd_mute *mute, uv_tcp_t *handle)
{
    uv_tcp_init(uv_default_loop(), handle);
    handle->data = mute;
    mute->open_handles++;
}

int tk_httpd_mute_open(struct tk_httpd_mute **out, const char *address, int port,
                       struct tk_failure *err)
{
    struct tk_httpd_mute *mute = tk_alloc(sizeof *mute);
    int result;

    add_handle(mute, &mute->listener);
    for (int i = 0; i < CALLERS; i++) {
        add_handle(mute, &mute->callers[i]);
    }
    result = bind_to(mute, address ? address : "127.0.0.1", port);
    if (result != 0) {
        tk_httpd_mute_close(mute);
        return tk_fail(err, TK_HTTPD_FAILED, "cannot be silent on %s port %d: %s",
                       address ? address : "127.0.0.1", port, uv_strerror(result));
    }
    *out = mute;
    return 0;
}

int tk_httpd_mute_port(const struct tk_httpd_mute *mute)
{
    return mute->port;
}

void tk_httpd_mute_close(struct tk_httpd_mute *mute)
{
    uv_close((uv_handle_t *)&mute->listener, on_closed);
    for (int i = 0; i < CALLERS; i++) {
        uv_close((uv_handle_t *)&mute->callers[i], on_closed);
    }
}
