// tk_seal_start: the one step of a context that asks domain controllers. Their libraries take no
// time limit (a controller that swallows packets costs minutes), so that the step runs on a thread
// of its own, which is left behind when the time is up and then frees what it holds.
#include <string.h>
#include <uv.h>

#include "seal.h"

#define THREADS_MAX 8 // that were left behind and still hang

struct start {
    uv_mutex_t lock;
    uv_cond_t finished;
    int references; // the thread's and the caller's
    bool done;
    bool left; // by the caller
    struct tk_seal_credential *credential;
    char *host;
    char *binding;
    struct tk_seal_target target;
    // The result.
    struct tk_seal *seal;
    struct tk_buffer token;
    struct tk_failure failure;
    int result;
};

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t hanging_lock;
static int hanging;

static void init(void)
{
    uv_mutex_init(&hanging_lock);
}

static int count_hanging(int change)
{
    int now;

    uv_mutex_lock(&hanging_lock);
    hanging += change;
    now = hanging;
    uv_mutex_unlock(&hanging_lock);
    return now;
}

static void drop(struct start *s)
{
    int references;

    uv_mutex_lock(&s->lock);
    references = --s->references;
    uv_mutex_unlock(&s->lock);
    if (references > 0) {
        return;
    }
    tk_seal_close(s->seal);
    tk_buffer_free(&s->token);
    tk_seal_credential_drop(s->credential);
    tk_free(s->host);
    tk_free(s->binding);
    uv_cond_destroy(&s->finished);
    uv_mutex_destroy(&s->lock);
    tk_free(s);
}

static void work(void *arg)
{
    struct start *s = arg;
    bool left;

    s->result = tk_seal_begin(&s->seal, s->credential, &s->target, &s->token, &s->failure);
    uv_mutex_lock(&s->lock);
    s->done = true;
    left = s->left;
    uv_cond_signal(&s->finished);
    uv_mutex_unlock(&s->lock);
    if (left) {
        count_hanging(-1);
    }
    drop(s);
}

static struct start *new_start(struct tk_seal_credential *credential,
                               const struct tk_seal_target *target)
{
    struct start *s = tk_alloc(sizeof *s);

    uv_mutex_init(&s->lock);
    uv_cond_init(&s->finished);
    s->references = 2;
    s->credential = tk_seal_credential_share(credential);
    s->host = tk_strdup(target->host);
    s->target = *target;
    s->target.host = s->host;
    if (target->binding) {
        s->binding = tk_alloc(target->binding_len + 1);
        memcpy(s->binding, target->binding, target->binding_len);
        s->target.binding = s->binding;
    }
    return s;
}

// False: the time is up, and the thread goes on alone.
static bool wait_for(struct start *s, const struct tk_limit *limit)
{
    int64_t left_ms;
    bool done;

    uv_mutex_lock(&s->lock);
    while (!s->done && (left_ms = tk_limit_left_ms(limit)) > 0) {
        uv_cond_timedwait(&s->finished, &s->lock, (uint64_t)left_ms * 1000000u);
    }
    done = s->done;
    s->left = !done;
    if (!done) {
        count_hanging(1);
    }
    uv_mutex_unlock(&s->lock);
    return done;
}

static int take_result(struct start *s, struct tk_seal **out, struct tk_buffer *token,
                       struct tk_failure *err)
{
    if (s->result != 0) {
        *err = s->failure;
        return s->result;
    }
    if (s->token.len > 0) {
        tk_buffer_add(token, s->token.text, s->token.len);
    }
    *out = s->seal;
    s->seal = NULL;
    return 0;
}

int tk_seal_start(struct tk_seal **out, struct tk_seal_credential *credential,
                  const struct tk_seal_target *target, struct tk_buffer *token,
                  const struct tk_limit *limit, struct tk_failure *err)
{
    struct start *s;
    uv_thread_t thread;
    int result;

    *out = NULL;
    uv_once(&once, init);
    if (count_hanging(0) >= THREADS_MAX) {
        return tk_fail(err, TK_WMI_LOGIN, "%d requests for tickets hang already", THREADS_MAX);
    }
    s = new_start(credential, target);
    if (uv_thread_create(&thread, work, s) != 0) {
        s->references = 1;
        drop(s);
        return tk_fail(err, TK_WMI_LOGIN, "the system gives no thread");
    }
    if (wait_for(s, limit)) {
        uv_thread_join(&thread);
        result = take_result(s, out, token, err);
    } else {
        result =
            tk_fail(err, TK_WMI_LOGIN, "no domain controller gave a ticket for the host in time");
        tk_fail_hint(err, "nothing was sent to the host; is a domain controller (KDC) up, and does "
                          "krb5.conf or DNS name it");
    }
    drop(s);
    return result;
}
