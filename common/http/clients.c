/* How many connections each client has. */
#include <stdlib.h>

#include "common/http/internal.h"

void tm_http_clients_init(struct tm_http_clients *c)
{
    pthread_mutex_init(&c->lock, NULL);
}

void tm_http_clients_free(struct tm_http_clients *c)
{
    pthread_mutex_destroy(&c->lock);
}

static struct tm_http_client **bucket_of(struct tm_http_clients *c, uint64_t network)
{
    return &c->bucket[(network * 0x9e3779b97f4a7c15u >> 32) % HTTP_CLIENT_BUCKETS];
}

struct tm_http_client *tm_http_clients_add(struct tm_http_clients *c, uint64_t network,
                                           unsigned limit)
{
    struct tm_http_client **at = bucket_of(c, network);
    pthread_mutex_lock(&c->lock);
    struct tm_http_client *it = *at;
    while (it != NULL && it->network != network)
        it = it->next;
    if (it == NULL && (it = calloc(1, sizeof(*it))) != NULL) {
        it->network = network;
        atomic_init(&it->connections, 0);
        it->next = *at;
        *at = it;
    }
    if (it != NULL && limit > 0 && atomic_load(&it->connections) >= limit)
        it = NULL;
    if (it != NULL)
        atomic_fetch_add(&it->connections, 1);
    pthread_mutex_unlock(&c->lock);
    return it;
}

void tm_http_clients_drop(struct tm_http_clients *c, struct tm_http_client *client)
{
    pthread_mutex_lock(&c->lock);
    if (atomic_fetch_sub(&client->connections, 1) == 1) {
        struct tm_http_client **at = bucket_of(c, client->network);
        while (*at != client)
            at = &(*at)->next;
        *at = client->next;
        free(client);
    }
    pthread_mutex_unlock(&c->lock);
}

/* --- who is not served --- */

static const char *const shed_names[HTTP_SHED_COUNT] = {
    [HTTP_SHED_ADDRESS] = "address", [HTTP_SHED_FULL] = "full",   [HTTP_SHED_IDLE] = "idle",
    [HTTP_SHED_QUEUE] = "queue",     [HTTP_SHED_WAITS] = "waits", [HTTP_SHED_FLOOD] = "flood",
};

const char *tm_http_shed_name(enum tm_http_shed why)
{
    return shed_names[why];
}

void tm_http_shed(struct tm_http_server *s, enum tm_http_shed why)
{
    if (s->o.shed != NULL)
        s->o.shed(s->o.ctx, why);
}
