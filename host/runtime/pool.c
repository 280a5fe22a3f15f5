// See pool.h. Work begins, and is done, in the order in which it came.
#include "pool.h"

#include <uv.h>

#define THREADS_MAX 128 // more work than that waits for its turn

struct queue {
    struct tk_pool_work *first, *last;
    int count;
};

static uv_mutex_t lock; // of everything down to `closing`
static uv_cond_t more;
static struct queue todo, finished;
static int idle;
static bool closing;

static uv_thread_t threads[THREADS_MAX]; // the rest belongs to the loop's thread
static int thread_count;
static uv_async_t notify; // keeps the loop alive while something is under way
static int in_flight;
static bool ready;

static void append(struct queue *queue, struct tk_pool_work *work)
{
    work->next = NULL;
    if (queue->last) {
        queue->last->next = work;
    } else {
        queue->first = work;
    }
    queue->last = work;
    queue->count++;
}

static struct tk_pool_work *take_first(struct queue *queue)
{
    struct tk_pool_work *work = queue->first;

    queue->first = work->next;
    queue->count--;
    if (!queue->first) {
        queue->last = NULL;
    }
    return work;
}

static void thread_main(void *unused)
{
    (void)unused;
    uv_mutex_lock(&lock);
    for (;;) {
        struct tk_pool_work *work;

        while (!todo.first && !closing) {
            idle++;
            uv_cond_wait(&more, &lock);
            idle--;
        }
        if (!todo.first) {
            break;
        }
        work = take_first(&todo);
        uv_mutex_unlock(&lock);
        work->run(work);
        uv_mutex_lock(&lock);
        append(&finished, work);
        uv_async_send(&notify);
    }
    uv_mutex_unlock(&lock);
}

static void on_notify(uv_async_t *handle)
{
    struct tk_pool_work *work, *next;

    uv_mutex_lock(&lock);
    work = finished.first;
    finished = (struct queue){0};
    uv_mutex_unlock(&lock);
    for (; work; work = next) {
        next = work->next; // `done` may free it
        if (--in_flight == 0) {
            uv_unref((uv_handle_t *)handle);
        }
        work->done(work);
    }
}

static void get_ready(void)
{
    uv_mutex_init(&lock);
    uv_cond_init(&more);
    uv_async_init(uv_default_loop(), &notify, on_notify);
    uv_unref((uv_handle_t *)&notify);
    ready = true;
}

bool tk_pool_submit(struct tk_pool_work *work)
{
    bool wanted;

    if (!ready) {
        get_ready();
    }
    uv_mutex_lock(&lock);
    append(&todo, work);
    wanted = todo.count > idle && thread_count < THREADS_MAX;
    uv_cond_signal(&more);
    uv_mutex_unlock(&lock);
    if (wanted && uv_thread_create(&threads[thread_count], thread_main, NULL) == 0) {
        thread_count++;
    } else if (thread_count == 0) {
        take_first(&todo);
        return false;
    }
    if (in_flight++ == 0) {
        uv_ref((uv_handle_t *)&notify);
    }
    return true;
}

int tk_pool_busy(void)
{
    return in_flight;
}

void tk_pool_close(void)
{
    if (!ready) {
        return;
    }
    uv_mutex_lock(&lock);
    closing = true;
    uv_cond_broadcast(&more);
    uv_mutex_unlock(&lock);
    for (int i = 0; i < thread_count; i++) {
        uv_thread_join(&threads[i]);
    }
    thread_count = 0;
    uv_mutex_destroy(&lock);
    uv_cond_destroy(&more);
}
