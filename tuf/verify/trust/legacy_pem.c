#include "tuf/verify/trust/legacy_pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "common/pem.h"
#include "tuf/verify/trust/internal.h"

static const struct legacy_row { /* by enum tuf_trust_list */
    const char *usage;
    const char *first, *last; /* of a name that it has */
    const char *now, *other;  /* names: of what is in force, of another by its fingerprint */
    const char *middle_now, *middle_other; /* likewise of the certificates below the anchor */
} rows[TRUST_LIST_COUNT] = {
    [TRUST_CA] = {"Fulcio", "fulcio", ".pem", "fulcio.crt.pem", "fulcio_%.16s.crt.pem",
                  "fulcio_intermediate_v1.crt.pem", "fulcio_intermediate_%.16s.crt.pem"},
    [TRUST_TSA] = {.usage = "TSA"},
    [TRUST_CTLOG] = {"CTFE", "ctfe", ".pub", "ctfe.pub", "ctfe_%.16s.pub", NULL, NULL},
    [TRUST_TLOG] = {"Rekor", "rekor", ".pub", "rekor.pub", "rekor_%.16s.pub", NULL, NULL},
};

static const char active[] = "Active";
static const char expired[] = "Expired";

const char *tuf_legacy_pem_usage(const char *name)
{
    size_t len = strlen(name);
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        const struct legacy_row *row = &rows[l];
        if (row->first != NULL && len > strlen(row->last) &&
            strncmp(name, row->first, strlen(row->first)) == 0 &&
            strcmp(name + len - strlen(row->last), row->last) == 0)
            return row->usage;
    }
    return NULL;
}

/* ---- made ---- */

/* The newest that is in force; without one the newest. */
static size_t in_force(const struct tuf_trusted_root *r, enum tuf_trust_list list, int64_t now_ms)
{
    for (size_t i = r->count[list]; i-- > 0;) {
        if (tuf_validity_at(&r->entry[list][i]->valid, now_ms) == VALIDITY_INSIDE)
            return i;
    }
    return r->count[list] - 1;
}

static int put_cert(X509 *cert, struct tm_buf *out, struct tm_err *e)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    if (len < 0)
        return tm_err_set(e, "out of memory");
    tm_pem_put("CERTIFICATE", der, (size_t)len, PEM_STYLE_FILE, out);
    OPENSSL_free(der);
    return 0;
}

static struct tuf_legacy_pem *add(struct tuf_legacy_pems *out, enum tuf_trust_list list,
                                  const struct tuf_trust_entry *t, int64_t now_ms, struct tm_err *e)
{
    struct tuf_legacy_pem *p = tm_grow(&out->item, &out->count, sizeof(*p), e);
    if (p == NULL)
        return NULL;
    bool ended = t->valid.has_end && t->valid.end_ms <= now_ms;
    *p = (struct tuf_legacy_pem){
        .usage = rows[list].usage, .status = ended ? expired : active, .uri = t->uri};
    return p;
}

static void set_name(struct tuf_legacy_pem *p, enum tuf_trust_list list,
                     const struct tuf_trust_entry *t, bool now, bool middle)
{
    char id[TRUST_FINGERPRINT_MAX];
    const struct legacy_row *row = &rows[list];
    const char *fixed = middle ? row->middle_now : row->now;
    const char *form = middle ? row->middle_other : row->other;
    const char *mark = strchr(form, '%');
    if (now)
        snprintf(p->name, sizeof(p->name), "%s", fixed);
    else
        snprintf(p->name, sizeof(p->name), "%.*s%.16s%s", (int)(mark - form), form,
                 tuf_trust_entry_fingerprint(list, t, id), mark + strlen("%.16s"));
}

static int add_authority(struct tuf_legacy_pems *out, enum tuf_trust_list list,
                         const struct tuf_trust_entry *t, int64_t now_ms, bool now,
                         struct tm_err *e)
{
    int n = sk_X509_num(t->chain);
    struct tuf_legacy_pem *p = add(out, list, t, now_ms, e);
    if (p == NULL)
        return -1;
    set_name(p, list, t, now, false);
    if (put_cert(sk_X509_value(t->chain, n - 1), &p->text, e) != 0)
        return -1;
    if (n == 1)
        return 0;
    p = add(out, list, t, now_ms, e);
    if (p == NULL)
        return -1;
    set_name(p, list, t, now, true);
    for (int i = 0; i < n - 1; i++) {
        if (put_cert(sk_X509_value(t->chain, i), &p->text, e) != 0)
            return -1;
    }
    return 0;
}

static int add_log(struct tuf_legacy_pems *out, enum tuf_trust_list list,
                   const struct tuf_trust_entry *t, int64_t now_ms, bool now, struct tm_err *e)
{
    struct tuf_legacy_pem *p = add(out, list, t, now_ms, e);
    if (p == NULL)
        return -1;
    set_name(p, list, t, now, false);
    tm_pem_put("PUBLIC KEY", t->key_bytes.data, t->key_bytes.len, PEM_STYLE_FILE, &p->text);
    return 0;
}

int tuf_legacy_pems_make(const struct tuf_trusted_root *r, int64_t now_ms,
                         struct tuf_legacy_pems *out, struct tm_err *e)
{
    int rc = 0;
    *out = (struct tuf_legacy_pems){0};
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        enum tuf_trust_list list = (enum tuf_trust_list)l;
        size_t first = r->count[l] > 0 ? in_force(r, list, now_ms) : 0;
        for (size_t i = 0; i < r->count[l] && rows[l].now != NULL && rc == 0; i++)
            rc = (tuf_trust_lists[l].log ? add_log : add_authority)(out, list, r->entry[l][i],
                                                                    now_ms, i == first, e);
    }
    for (size_t i = 0; i < out->count && rc == 0; i++) {
        if (tm_buf_str(&out->item[i].text) == NULL)
            rc = tm_err_set(e, "out of memory");
    }
    if (rc != 0)
        tuf_legacy_pems_free(out);
    return rc;
}

void tuf_legacy_pems_free(struct tuf_legacy_pems *p)
{
    for (size_t i = 0; i < p->count; i++)
        tm_buf_free(&p->item[i].text);
    free(p->item);
    *p = (struct tuf_legacy_pems){0};
}

/* ---- judged ---- */

struct judge {
    const struct tuf_trusted_root *r;
    const struct tuf_legacy_claim *c;
    enum tuf_trust_list list;
    int64_t from_ms, to_ms;
    struct tuf_legacy_seen *seen;
    struct tm_err *e;
};

/* An end between the two times allows both words. */
static bool status_fits(const struct judge *j, const struct tuf_validity *v)
{
    const char *said = j->c->status;
    if (said == NULL)
        return true;
    if (strcmp(said, expired) == 0)
        return v->has_end && v->end_ms <= j->to_ms;
    return strcmp(said, active) == 0 && (!v->has_end || v->end_ms > j->from_ms);
}

static int found(const struct judge *j, bool here, bool fits, const char *what)
{
    if (here && fits)
        return 0;
    if (here)
        return tm_err_set(j->e,
                          "the target '%.100s' says %.20s of %s, and trusted_root.json says "
                          "otherwise",
                          j->c->name, j->c->status, what);
    return tm_err_set(j->e,
                      "the target '%.100s' holds %s that trusted_root.json does not have: older "
                      "clients trust it by that file",
                      j->c->name, what);
}

static int judge_cert(const struct judge *j, const X509 *cert)
{
    char what[300];
    char subject[200];
    bool here = false;
    bool fits = false;
    for (size_t i = 0; i < j->r->count[j->list]; i++) {
        const struct tuf_trust_entry *t = j->r->entry[j->list][i];
        for (int k = 0; k < sk_X509_num(t->chain); k++) {
            if (X509_cmp(sk_X509_value(t->chain, k), cert) != 0)
                continue;
            here = true;
            fits |= status_fits(j, &t->valid);
            if (k < CERTS_MAX)
                j->seen->has[j->list][i][k] = true;
        }
    }
    X509_NAME_oneline(X509_get_subject_name(cert), subject, sizeof(subject));
    snprintf(what, sizeof(what), "the certificate '%s'", subject);
    return found(j, here, fits, what);
}

static int judge_certs(const struct judge *j)
{
    int rc = 0;
    STACK_OF(X509) *certs = tm_certs_parse(j->c->text, j->c->len, j->e);
    if (certs == NULL)
        return tm_err_wrap(j->e, "the target '%.100s'", j->c->name);
    for (int i = 0; i < sk_X509_num(certs) && rc == 0; i++)
        rc = judge_cert(j, sk_X509_value(certs, i));
    sk_X509_pop_free(certs, X509_free);
    return rc;
}

static int judge_key(const struct judge *j)
{
    struct tm_buf der = {0};
    bool here = false;
    bool fits = false;
    if (tm_pem_body("PUBLIC KEY", j->c->text, j->c->len, &der) != 0) {
        tm_buf_free(&der);
        return tm_err_set(j->e, "the target '%.100s' is not one public key in PEM", j->c->name);
    }
    for (size_t i = 0; i < j->r->count[j->list]; i++) {
        const struct tuf_trust_entry *t = j->r->entry[j->list][i];
        if (t->key_bytes.len != der.len || memcmp(t->key_bytes.data, der.data, der.len) != 0)
            continue;
        here = true;
        fits |= status_fits(j, &t->valid);
        j->seen->has[j->list][i][0] = true;
    }
    tm_buf_free(&der);
    return found(j, here, fits, "a key");
}

int tuf_legacy_pem_judge(const struct tuf_trusted_root *r, const struct tuf_legacy_claim *c,
                         int64_t from_ms, int64_t to_ms, struct tuf_legacy_seen *seen,
                         struct tm_err *e)
{
    bool known = false; /* else clients that find none of its usage go by the name */
    for (size_t l = 0; l < TRUST_LIST_COUNT && c->usage != NULL; l++)
        known |= strcmp(rows[l].usage, c->usage) == 0;
    const char *usage = known ? c->usage : tuf_legacy_pem_usage(c->name);
    for (size_t l = 0; l < TRUST_LIST_COUNT && usage != NULL; l++) {
        const struct judge j = {r, c, (enum tuf_trust_list)l, from_ms, to_ms, seen, e};
        if (strcmp(rows[l].usage, usage) == 0)
            return tuf_trust_lists[l].log ? judge_key(&j) : judge_certs(&j);
    }
    return 0;
}

int tuf_legacy_pems_complete(const struct tuf_trusted_root *r, const struct tuf_legacy_seen *seen,
                             struct tm_err *e)
{
    char id[TRUST_FINGERPRINT_MAX];
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        for (size_t i = 0; i < r->count[l] && rows[l].now != NULL; i++) {
            const struct tuf_trust_entry *t = r->entry[l][i];
            int n = tuf_trust_lists[l].log ? 1 : sk_X509_num(t->chain);
            for (int k = 0; k < n && k < CERTS_MAX; k++) {
                if (!seen->has[l][i][k])
                    return tm_err_set(e,
                                      "no target holds %s %.16s (%.100s) of trusted_root.json for "
                                      "older clients",
                                      tuf_trust_lists[l].name,
                                      tuf_trust_entry_fingerprint((enum tuf_trust_list)l, t, id),
                                      t->uri);
            }
        }
    }
    return 0;
}
