/* pages: what people see of the service. It reads public files, and is told of token issuers; it
 * holds no key and writes nothing but the index of its search. */
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/pages/issuers_far.h"
#include "ca/pages/serve.h"
#include "common/certs.h"
#include "common/clock.h"
#include "common/file.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/server.h"
#include "tuf/manager/report/status.h"

#define ROLES_SHOWN 64
#define ROLES_REST_MS 10000 /* between two looks at the tree, which verifies signatures */

struct pages {
    struct roles *roles;
    const struct ca_config *config;
    struct ca_issuers_asker *issuers; /* NULL: there is no issuer */
    struct ca_shelf_options log[CA_PAGES_LOGS_MAX];
    struct ca_pages_options options;
    struct ca_pages *pages;
    /* The state, as it was gathered last. */
    struct chain {
        struct tm_file_stamp seen; /* its file, when it was read */
        struct ca_page_certificate item[CERTS_MAX];
        size_t count;
    } ca, tsa;
    struct ca_page_certificate certificate[2 * CERTS_MAX]; /* of both */
    struct ca_page_issuer issuer[CA_ISSUERS_TOLD_MAX];
    struct tuf_status status; /* whose names the roles have */
    struct ca_page_role role[ROLES_SHOWN];
    size_t role_count;
    int64_t roles_ms; /* when they were looked at, by tm_clock_mono_ms; 0: never */
};

/* ---- the state ---- */

static int64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm;
    return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void describe(X509 *x, const char *role, struct ca_page_certificate *out)
{
    *out = (struct ca_page_certificate){.role = role, .to = seconds_of(X509_get0_notAfter(x))};
    struct tm_buf name = {0};
    tm_certs_name(X509_get_subject_name(x), false, &name);
    if (tm_buf_str(&name) != NULL)
        snprintf(out->subject, sizeof(out->subject), "%s", tm_buf_str(&name));
    tm_buf_free(&name);
    (void)tm_certs_fingerprint(x, out->fingerprint);
}

/* Its certificates anew when the file has changed: the first acts, the others lead to the root. */
static void look_at_chain(struct chain *c, const char *path, const char *role)
{
    if (!tm_file_stamp_renew(path, &c->seen))
        return;
    STACK_OF(X509) *all = tm_certs_load(path, NULL);
    c->count = 0;
    for (int i = 0; i < sk_X509_num(all) && c->count < CERTS_MAX; i++)
        describe(sk_X509_value(all, i), i == 0 ? role : "its issuer", &c->item[c->count++]);
    sk_X509_pop_free(all, X509_free);
}

static size_t show_chain(struct pages *p, size_t n, const struct chain *c)
{
    memcpy(p->certificate + n, c->item, c->count * sizeof(*c->item));
    return n + c->count;
}

static struct ca_page_role shown(const struct tuf_status_role *r)
{
    return (struct ca_page_role){.name = r->name,
                                 .version = r->version,
                                 .expires = r->expires,
                                 .signatures = (uint64_t)r->signatures,
                                 .threshold = (uint64_t)r->threshold};
}

static void look_at_roles(struct pages *p)
{
    struct tuf_published tree = {0};
    int64_t now = tm_clock_mono_ms();
    if (p->config->tuf.directory == NULL || (p->roles_ms != 0 && now - p->roles_ms < ROLES_REST_MS))
        return;
    p->roles_ms = now;
    p->role_count = 0;
    tuf_status_free(&p->status);
    p->status = (struct tuf_status){0};
    if (tuf_published_look(p->config->tuf.directory, &tree, NULL) != 0)
        return;
    if (tree.root_count > 0 &&
        tuf_status_read(&tree, tm_clock_wall_ms() / 1000, &p->status, NULL) == 0) {
        while (p->role_count < p->status.count && p->role_count < ROLES_SHOWN) {
            p->role[p->role_count] = shown(&p->status.role[p->role_count]);
            p->role_count++;
        }
    }
    tuf_published_free(&tree);
}

static void state(void *ctx, struct ca_page_state *out)
{
    struct pages *p = ctx;
    const struct ca_config *c = p->config;
    look_at_chain(&p->ca, c->ca.chain, "issues certificates");
    look_at_chain(&p->tsa, c->tsa.chain, "signs timestamps");
    look_at_roles(p);
    size_t n = show_chain(p, show_chain(p, 0, &p->ca), &p->tsa);
    *out = (struct ca_page_state){.ready = ca_metrics_ready(p->roles->metrics, tm_clock_mono_ms())
                                               ? CA_PAGE_READY
                                               : CA_PAGE_NOT_READY,
                                  .certificate = p->certificate,
                                  .certificates = n,
                                  .issuer = p->issuer,
                                  .issues = ca_config_has_ca(c),
                                  .role = p->role,
                                  .roles = p->role_count};
    if (p->issuers != NULL)
        out->issuers = ca_issuers_asker_look(p->issuers, p->issuer);
}

/* ---- the process ---- */

static void describe_logs(struct pages *p)
{
    const struct ca_config_pages *c = &p->config->pages;
    for (size_t i = 0; i < c->logs.count; i++) {
        const struct ca_config_pages_log *l = ca_config_pages_log_at(c, i);
        p->log[i] = (struct ca_shelf_options){.name = l->name,
                                              .location = l->directory,
                                              .public_key = l->public_key,
                                              .address = l->url};
    }
}

static int open_pages(struct server *s, struct tm_err *e)
{
    struct pages *p = calloc(1, sizeof(*p));
    s->own = p;
    if (p == NULL)
        return tm_err_set(e, "out of memory");
    p->roles = s->roles;
    p->config = s->config;
    if (s->roles->issuer_to_pages >= 0) {
        int fd = tm_process_take(s->roles->group, s->roles->issuer_to_pages);
        if ((p->issuers = ca_issuers_asker_new(fd, e)) == NULL)
            return -1;
    }
    describe_logs(p);
    const struct ca_config_pages *c = &s->config->pages;
    p->options = (struct ca_pages_options){.title = c->title != NULL ? c->title : "tenmint",
                                           .directory = c->directory,
                                           .log = p->log,
                                           .logs = c->logs.count,
                                           .version = cli_version,
                                           .jlog = s->log,
                                           .state = state,
                                           .ctx = p};
    p->pages = ca_pages_new(&p->options, e);
    if (p->pages == NULL)
        return tm_err_wrap(e, "pages");
    s->mounts[s->mount_count++] =
        (struct tm_http_mount){.prefix = "/entry", .handle = ca_pages_entry, .ctx = p->pages};
    s->routes[s->route_count++] = (struct server_route){"/", ca_pages_home, p->pages};
    s->routes[s->route_count++] = (struct server_route){"/search", ca_pages_search, p->pages};
    return 0;
}

static int begin(struct server *s, struct tm_err *e)
{
    const struct pages *p = s->own;
    return ca_pages_start(p->pages, e);
}

static void metrics(void *own, struct tm_buf *out)
{
    const struct pages *p = own;
    ca_pages_metrics(p->pages, out);
}

static void close_pages(struct server *s)
{
    struct pages *p = s->own;
    ca_pages_free(p->pages);
    ca_issuers_asker_free(p->issuers);
    tuf_status_free(&p->status);
    free(p);
}

const struct server_kind server_pages = {.open = open_pages,
                                         .begin = begin,
                                         .metrics = metrics,
                                         .close = close_pages,
                                         .rights = SANDBOX_READ | SANDBOX_WRITE};
