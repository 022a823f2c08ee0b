/* RFC 6962 §4.3 to §4.8 out of tiles. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/ct/serve_internal.h"
#include "common/b64.h"
#include "common/http/trace.h"

struct call {
    struct ca_log_server *s;
    struct tm_http_exchange *x;
    struct tm_buf note;
    struct ca_log_dir dir; /* at the newest checkpoint */
    struct tm_checkpoint checkpoint;
    struct tm_buf body;
    struct tm_http_source source; /* instead of body */
    unsigned status;              /* of a refusal */
};

static int refuse(struct call *c, unsigned status)
{
    c->status = status;
    return -1;
}

static int number(struct call *c, const char *name, uint64_t *out, struct tm_err *e)
{
    const char *text = tm_http_query(c->x, name);
    size_t len = text != NULL ? strlen(text) : 0;
    errno = 0;
    if (len == 0 || len > 19 || strspn(text, "0123456789") != len) {
        tm_err_set(e, "parameter '%s' must be a decimal number", name);
        return refuse(c, 400);
    }
    *out = strtoull(text, NULL, 10);
    return 0;
}

static void put_proof(struct tm_buf *out, const char *name, const struct ca_log_proof *p)
{
    tm_buf_printf(out, "\"%s\":[", name);
    for (size_t i = 0; i < p->count; i++) {
        tm_buf_puts(out, i > 0 ? "," : "");
        ca_log_serve_put_b64(out, p->hash[i].b, MERKLE_HASH);
    }
    tm_buf_puts(out, "]");
}

static int get_sth(struct call *c, struct tm_err *e)
{
    struct tm_note n;
    int rc = tm_note_parse(c->note.data, c->note.len, &n, e);
    if (rc != 0)
        return rc;
    /* The log's own line is the first: timestamp, then the TreeHeadSignature. */
    struct tm_bytes sig = bytes_of(n.signature[0].sig, n.signature[0].sig_len);
    uint64_t timestamp = tm_bytes_be(&sig, 8);
    tm_buf_printf(&c->body, "{\"tree_size\":%" PRIu64 ",\"timestamp\":%" PRIu64, c->checkpoint.size,
                  timestamp);
    tm_buf_puts(&c->body, ",\"sha256_root_hash\":");
    ca_log_serve_put_b64(&c->body, c->checkpoint.root.b, MERKLE_HASH);
    tm_buf_puts(&c->body, ",\"tree_head_signature\":");
    ca_log_serve_put_b64(&c->body, sig.p, sig.left);
    tm_buf_puts(&c->body, "}\n");
    tm_note_free(&n);
    return 0;
}

static int get_consistency(struct call *c, struct tm_err *e)
{
    uint64_t first = 0;
    uint64_t second = 0;
    struct ca_log_proof p;
    struct ca_log_tiles t = ca_log_dir_tiles(&c->dir);
    if (number(c, "first", &first, e) != 0 || number(c, "second", &second, e) != 0)
        return -1;
    if (first > second || second > c->dir.size) {
        tm_err_set(e, "need first <= second <= %" PRIu64, c->dir.size);
        return refuse(c, 400);
    }
    if (ca_log_tree_consistency(&t, first, second, &p, e) != 0)
        return -1;
    buf_putc(&c->body, '{');
    put_proof(&c->body, "consistency", &p);
    tm_buf_puts(&c->body, "}\n");
    return 0;
}

static int tree_size(struct call *c, uint64_t *size, struct tm_err *e)
{
    if (number(c, "tree_size", size, e) != 0)
        return -1;
    if (*size >= 1 && *size <= c->dir.size)
        return 0;
    tm_err_set(e, "tree_size must be 1 to %" PRIu64, c->dir.size);
    return refuse(c, 400);
}

static int get_proof(struct call *c, struct tm_err *e)
{
    const char *text = tm_http_query(c->x, "hash");
    struct tm_buf hash = {0};
    struct tm_merkle_hash leaf;
    struct ca_log_proof p;
    uint64_t size = 0;
    uint64_t index = 0;
    if (tree_size(c, &size, e) != 0)
        return -1;
    bool good = text != NULL && tm_b64_decode(B64_STD, text, strlen(text), &hash) == 0 &&
                hash.len == MERKLE_HASH;
    if (good)
        memcpy(leaf.b, hash.data, MERKLE_HASH);
    tm_buf_free(&hash);
    if (!good) {
        tm_err_set(e, "parameter 'hash' must be a leaf hash: 32 bytes in base64");
        return refuse(c, 400);
    }
    int found = ca_log_dir_find(&c->dir, &leaf, &index, e);
    if (found < 0)
        return -1;
    if (found == 0 || index >= size) {
        tm_err_set(e, "no entry of the tree of %" PRIu64 " has this leaf hash", size);
        return refuse(c, 404);
    }
    struct ca_log_tiles t = ca_log_dir_tiles(&c->dir);
    if (ca_log_tree_inclusion(&t, index, size, &p, e) != 0)
        return -1;
    tm_buf_printf(&c->body, "{\"leaf_index\":%" PRIu64 ",", index);
    put_proof(&c->body, "audit_path", &p);
    tm_buf_puts(&c->body, "}\n");
    return 0;
}

static int put_one(struct call *c, uint64_t index, struct tm_err *e)
{
    struct ca_log_tiles t = ca_log_dir_tiles(&c->dir);
    struct ca_log_chain_cache cache = {0};
    struct tm_buf tile = {0};
    struct tm_entry entry;
    uint64_t n = index / TILE_WIDTH;
    int rc = t.data(t.ctx, n, ca_log_tile_width(c->dir.size, 0, n), &tile, e);
    struct tm_bytes in = bytes_of(tile.data, tile.len);
    for (uint64_t i = n * TILE_WIDTH; i <= index && rc == 0; i++) {
        if (tm_entry_take_tile_leaf(&in, &entry, e) != 1)
            rc = tm_err_wrap(e, "entry %" PRIu64, i);
    }
    if (rc == 0)
        rc = ca_log_serve_put_entry(c->dir.path, &cache, &entry, &c->body, e);
    tm_buf_free(&cache.fingerprints);
    tm_buf_free(&cache.der);
    tm_buf_free(&tile);
    return rc;
}

static int get_entries(struct call *c, struct tm_err *e)
{
    uint64_t start = 0;
    uint64_t end = 0;
    if (number(c, "start", &start, e) != 0 || number(c, "end", &end, e) != 0)
        return -1;
    if (start > end || start >= c->dir.size) {
        tm_err_set(e, "need start <= end and start < %" PRIu64, c->dir.size);
        return refuse(c, 400);
    }
    uint64_t last = start - start % TILE_WIDTH + TILE_WIDTH - 1; /* fewer may be given: §4.6 */
    if (end > last)
        end = last;
    if (end >= c->dir.size)
        end = c->dir.size - 1;
    bool whole = false;
    unsigned width = ca_log_tile_width(c->dir.size, 0, start / TILE_WIDTH);
    if (ca_log_serve_entries(c->dir.path, start, end, width, &c->source, &whole, e) != 0)
        return -1;
    if (whole) {
        (void)c->source.produce(c->source.ctx, &c->body);
        c->source.release(c->source.ctx);
        c->source = (struct tm_http_source){0};
    }
    return 0;
}

static int get_entry_and_proof(struct call *c, struct tm_err *e)
{
    uint64_t index = 0;
    uint64_t size = 0;
    struct ca_log_proof p;
    struct ca_log_tiles t = ca_log_dir_tiles(&c->dir);
    if (number(c, "leaf_index", &index, e) != 0 || tree_size(c, &size, e) != 0)
        return -1;
    if (index >= size) {
        tm_err_set(e, "leaf_index must be below tree_size");
        return refuse(c, 400);
    }
    buf_putc(&c->body, '{');
    if (ca_log_tree_inclusion(&t, index, size, &p, e) != 0 || put_one(c, index, e) != 0)
        return -1;
    buf_putc(&c->body, ',');
    put_proof(&c->body, "audit_path", &p);
    tm_buf_puts(&c->body, "}\n");
    return 0;
}

/* Once each: the root in force is mostly one that entries' chains end in, too. */
static void add_root(void *arg, const unsigned char *der, size_t len)
{
    struct tm_buf *list = arg;
    struct tm_buf root = {0};
    ca_log_serve_put_b64(&root, der, len);
    bool known = list->len > 0 && memmem(list->data, list->len, root.data, root.len) != NULL;
    if (!known && list->len > 0)
        buf_putc(list, ',');
    if (!known)
        tm_buf_append(list, root.data, root.len);
    tm_buf_free(&root);
}

/* RFC 6962 §4.7. */
static int get_roots(struct call *c, struct tm_err *e)
{
    struct tm_buf list = {0};
    if (c->s->o.roots != NULL)
        c->s->o.roots(c->s->o.roots_ctx, add_root, &list);
    int rc = ca_log_dir_roots(c->s->view.directory, add_root, &list, e);
    tm_buf_puts(&c->body, "{\"certificates\":[");
    tm_buf_append(&c->body, list.data, list.len);
    tm_buf_puts(&c->body, "]}\n");
    tm_buf_free(&list);
    return rc;
}

static int refuse_submission(struct call *c, struct tm_err *e)
{
    tm_err_set(e, "%s",
               c->s->o.retired != NULL
                   ? "this log is retired: it takes no more entries"
                   : "this log takes entries from its own certificate authority only");
    return refuse(c, 403);
}

static const struct {
    const char *name;
    int (*answer)(struct call *c, struct tm_err *e);
} endpoints[] = {
    {"get-sth", get_sth},
    {"get-sth-consistency", get_consistency},
    {"get-proof-by-hash", get_proof},
    {"get-entries", get_entries},
    {"get-entry-and-proof", get_entry_and_proof},
    {"get-roots", get_roots},
    {"add-chain", refuse_submission},
    {"add-pre-chain", refuse_submission},
};

static int prepare(struct call *c, struct tm_err *e)
{
    struct tm_note n;
    c->dir = (struct ca_log_dir){.path = c->s->view.directory};
    c->dir.size = c->s->view.checkpoint(c->s->view.ctx, &c->note);
    if (tm_note_parse(c->note.data, c->note.len, &n, e) != 0)
        return -1;
    int rc = tm_checkpoint_parse(&n, &c->checkpoint, e);
    tm_note_free(&n);
    return rc;
}

/* Why the log's own data cannot be read is the operator's to know, not the client's. */
static void reply_failure(struct call *c, const struct tm_err *e)
{
    if (c->status == 500) {
        char id[REQUEST_ID_SIZE];
        tm_request_id(id);
        jlog(c->s->o.jlog, JLOG_ERROR, "the log's data cannot be read",
             JLOG_STR("log", c->s->view.origin), JLOG_STR("detail", e->text),
             JLOG_REQUEST_END(c->x, id));
        ca_log_serve_error(c->x, 500, "the log's data cannot be read");
        tm_http_reply_header(c->x, "X-Request-Id", id);
    } else {
        ca_log_serve_error(c->x, c->status, e->text);
    }
}

void ca_log_serve_ct_v1(struct ca_log_server *s, const char *name, struct tm_http_exchange *x)
{
    struct tm_err e = {0};
    struct call c = {.s = s, .x = x, .status = 500};
    size_t i = 0;
    size_t count = sizeof(endpoints) / sizeof(endpoints[0]);
    while (i < count && strcmp(endpoints[i].name, name) != 0)
        i++;
    if (i == count) {
        ca_log_serve_error(x, 404, "no such endpoint of RFC 6962");
        return;
    }
    if (prepare(&c, &e) == 0 && endpoints[i].answer(&c, &e) == 0) {
        if (c.source.produce != NULL)
            tm_http_reply_stream(x, 200, "application/json", &c.source);
        else
            tm_http_reply(x, 200, "application/json", &c.body);
        tm_http_reply_header(x, "Cache-Control", "no-cache");
    } else {
        reply_failure(&c, &e);
    }
    tm_buf_free(&c.body);
    tm_buf_free(&c.note);
}
