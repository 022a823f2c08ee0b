#include "tools/tenmint-ca/serve/approved.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "oidc/trust/trust.h"
#include "tuf/client/client.h"
#include "tuf/metadata/verify.h"

#define TIMEOUT_MS 10000
#define CA_MAX ((size_t)256 * 1024)

/* ---- bytes by another process ---- */

struct answer {
    sem_t come;
    int rc;
    struct tm_fetch_response *resp;
    struct tm_err *e;
};

static void on_answer(void *arg, int rc, struct tm_fetch_response *resp, const struct tm_err *e)
{
    struct answer *a = arg;
    a->rc = rc;
    *a->resp = *resp;
    resp->body = (struct tm_buf){0}; /* ours now */
    *a->e = *e;
    sem_post(&a->come);
}

/* For struct tuf_client_options. A pool takes no sink: the body comes whole, within max_bytes. */
static int fetch_far(void *pool, const struct tm_fetch_request *req, struct tm_fetch_response *resp,
                     struct tm_err *e)
{
    struct answer a = {.resp = resp, .e = e};
    struct tm_fetch_request whole = *req;
    whole.sink = NULL;
    whole.session = NULL;
    sem_init(&a.come, 0, 0);
    int rc = tm_fetch_pool_start(pool, &whole, on_answer, &a, e);
    while (rc == 0 && sem_wait(&a.come) != 0)
        continue;
    sem_destroy(&a.come);
    if (rc != 0 || a.rc != 0)
        return -1;
    return resp->status == 200 ? req->sink(req->sink_arg, resp->body.data, resp->body.len) : 0;
}

/* ---- the list ---- */

struct signers {
    const struct tuf_signers *by;
    char *out;
    size_t size;
};

static void add_signer(void *arg, const char *keyid, enum tuf_verdict v)
{
    struct signers *s = arg;
    const struct tuf_public_key *key = tuf_keys_find(s->by->known, keyid);
    const char *owner = key != NULL ? tuf_key_owner(key) : "";
    size_t len = strlen(s->out);
    if (v == TUF_SIGNED)
        snprintf(s->out + len, s->size - len, "%s%.64s", len > 0 ? ", " : "",
                 owner[0] != '\0' ? owner : keyid);
}

/* After a refresh: all four roles are there. */
static int describe(struct tuf_client *c, const char *target, struct approved_list *out,
                    struct tm_err *e)
{
    struct tuf_client_source from;
    if (tuf_client_source(c, target, &from, e) != 0)
        return -1;
    struct signers s = {&from.by, out->signers, sizeof(out->signers)};
    (void)tuf_verify_each(from.role, &from.by, add_signer, &s);
    snprintf(out->role, sizeof(out->role), "%s", from.name);
    out->version = tuf_metadata_version(from.role);
    out->expires_s = from.expires_s;
    for (int r = 0; r < TUF_ROLE_COUNT; r++) {
        const struct tuf_metadata *m = tuf_client_role(c, (enum tuf_role)r);
        if (m != NULL && tuf_metadata_expires(m) < out->expires_s)
            out->expires_s = tuf_metadata_expires(m);
    }
    return 0;
}

static int run(struct tuf_client *c, const char *target, struct approved_list *out,
               struct tm_err *e)
{
    if (tuf_client_refresh(c, e) != 0 ||
        tuf_client_read(c, target, TRUST_FILE_MAX, &out->text, e) != 0)
        return -1;
    return describe(c, target, out, e);
}

/* "DIR-of-the-root/TARGET", for messages and for jwks-file. */
static int make_name(const struct ca_config_approved *c, struct approved_list *out,
                     struct tm_err *e)
{
    struct tm_buf name = {0};
    const char *slash = strrchr(c->root, '/');
    const char *base = strrchr(c->target, '/');
    tm_buf_append(&name, c->root, slash != NULL ? (size_t)(slash - c->root) + 1 : 0);
    tm_buf_puts(&name, base != NULL ? base + 1 : c->target);
    out->name = tm_buf_str(&name) != NULL ? strdup(tm_buf_str(&name)) : NULL;
    tm_buf_free(&name);
    return out->name != NULL ? 0 : tm_err_set(e, "out of memory");
}

int approved_read(const struct ca_config_approved *c, struct tm_fetch_hub *hub, bool offline,
                  struct approved_list *out, struct tm_err *e)
{
    struct tm_buf root = {0};
    struct tm_buf pem = {0};
    const char *const mirror = c->mirror;
    *out = (struct approved_list){0};
    int rc = make_name(c, out, e);
    if (rc == 0)
        rc = tm_file_read(c->root, TUF_ROOT_BYTES_MAX, &root, e);
    if (rc == 0 && c->ca_file != NULL)
        rc = tm_file_read_text(c->ca_file, CA_MAX, &pem, e);
    struct tm_fetch_pool *pool = rc == 0 && hub != NULL ? tm_fetch_pool_open(hub, 1, e) : NULL;
    if (rc == 0 && hub != NULL && pool == NULL)
        rc = -1;
    const struct tuf_client_options o = {.dir = c->directory,
                                         .root = root.data,
                                         .root_len = root.len,
                                         .metadata_urls = &mirror,
                                         .metadata_url_count = 1,
                                         .offline = offline,
                                         .allow_http = c->allow_http,
                                         .ca_pem = pem.len > 0 ? tm_buf_str(&pem) : NULL,
                                         .timeout_ms = TIMEOUT_MS,
                                         .lock_ms = TIMEOUT_MS,
                                         .fetch = pool != NULL ? fetch_far : NULL,
                                         .fetch_ctx = pool};
    struct tuf_client *client = rc == 0 ? tuf_client_open(&o, e) : NULL;
    rc = client != NULL ? run(client, c->target, out, e) : -1;
    tuf_client_close(client);
    tm_fetch_pool_free(pool);
    tm_buf_free(&root);
    tm_buf_free(&pem);
    return rc == 0 ? 0 : tm_err_wrap(e, "issuers-from-tuf");
}

void approved_free(struct approved_list *l)
{
    tm_buf_free(&l->text);
    free(l->name);
    *l = (struct approved_list){0};
}
