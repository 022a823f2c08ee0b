#include "tools/tenmint/scts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/ct/answer.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/transparency/digsig.h"
#include "common/transparency/sct.h"

#define KEY_FILE_MAX ((size_t)16 * 1024)
#define SKEW_MS 60000

int scts_logs_load(const struct cli_list *files, struct scts_logs *out, struct tm_err *e)
{
    *out = (struct scts_logs){0};
    for (size_t i = 0; i < files->count; i++) {
        struct scts_log *l = &out->item[i];
        struct tm_buf text = {0};
        l->file = files->item[i];
        if (tm_file_read_text(l->file, KEY_FILE_MAX, &text, e) == 0) {
            l->key = tm_digsig_key_parse(text.data, text.len, e);
            if (l->key == NULL)
                tm_err_wrap(e, "log key '%s'", l->file);
        }
        tm_buf_free(&text);
        if (l->key == NULL)
            return -1;
        out->count = i + 1;
        if (tm_digsig_log_id(l->key, l->id, e) != 0)
            return -1;
    }
    return 0;
}

void scts_logs_free(struct scts_logs *logs)
{
    for (size_t i = 0; i < logs->count; i++)
        EVP_PKEY_free(logs->item[i].key);
    *logs = (struct scts_logs){0};
}

int scts_parse_detached(const void *json, size_t len, struct tm_buf *list, struct tm_err *e)
{
    struct tm_buf sct = {0};
    int rc = ca_ct_answer_parse(json, len, &sct, e);
    if (rc == 0)
        rc = tm_sct_list_put(&sct, 1, list, e);
    tm_buf_free(&sct);
    return rc;
}

int scts_read_detached(const char *path, struct tm_buf *list, struct tm_err *e)
{
    struct tm_buf text = {0};
    struct tm_buf json = {0};
    int rc = tm_file_read_text(path, 2 * CT_ANSWER_MAX, &text, e);
    size_t len = text.len;
    while (len > 0 && isspace(text.data[len - 1]))
        len--;
    bool encoded = rc == 0 && len > 0 && text.data[0] != '{' &&
                   tm_b64_decode(B64_STD, (const char *)text.data, len, &json) == 0;
    if (rc == 0)
        rc = encoded ? scts_parse_detached(json.data, json.len, list, e)
                     : scts_parse_detached(text.data, len, list, e);
    tm_buf_free(&text);
    tm_buf_free(&json);
    return rc == 0 ? 0 : tm_err_wrap(e, "SCT '%s'", path);
}

/* A certificate's SCTs and what they are over. */
struct scts {
    unsigned char *der; /* owned */
    struct tm_buf tbs;  /* without its SCT list, when they are embedded */
    const unsigned char *list;
    size_t list_len; /* 0: there are none */
    struct tm_sct_entry entry;
};

static void scts_close(struct scts *s)
{
    OPENSSL_free(s->der);
    tm_buf_free(&s->tbs);
}

static int scts_open(struct scts *s, X509 *leaf, const struct tm_buf *detached, struct tm_err *e)
{
    *s = (struct scts){0};
    int len = i2d_X509(leaf, &s->der);
    if (len <= 0)
        return tm_err_openssl(e, "encode the certificate");
    if (detached != NULL && detached->len > 0) {
        s->list = detached->data;
        s->list_len = detached->len;
        s->entry = (struct tm_sct_entry){.type = SCT_X509, .cert = s->der, .cert_len = (size_t)len};
        return 0;
    }
    int found = tm_sct_from_certificate(s->der, (size_t)len, &s->list, &s->list_len, &s->tbs, e);
    s->entry =
        (struct tm_sct_entry){.type = SCT_PRECERT, .cert = s->tbs.data, .cert_len = s->tbs.len};
    return found < 0 ? -1 : 0;
}

static const struct scts_log *find_log(const struct scts_logs *logs, const struct tm_sct *sct)
{
    for (size_t i = 0; i < logs->count; i++) {
        if (memcmp(logs->item[i].id, sct->log_id, sizeof(sct->log_id)) == 0)
            return &logs->item[i];
    }
    return NULL;
}

static int verify_list(const struct scts *s, const struct scts_logs *logs, struct tm_err *e)
{
    struct tm_sct sct;
    size_t at = 0;
    size_t verified = 0;
    int next;
    while ((next = tm_sct_list_next(s->list, s->list_len, &at, &sct, e)) == 1) {
        const struct scts_log *log = find_log(logs, &sct);
        if (log == NULL)
            continue;
        if (tm_sct_verify(&sct, &s->entry, log->key, tm_clock_wall_ms(), SKEW_MS, e) != 0)
            return tm_err_wrap(e, "SCT of the log with key '%s'", log->file);
        verified++;
    }
    if (next < 0)
        return -1;
    return verified > 0 ? 0 : tm_err_set(e, "no SCT is of a log whose key was given");
}

int scts_verify(X509 *leaf, X509 *issuer, const struct tm_buf *detached,
                const struct scts_logs *logs, struct tm_err *e)
{
    struct scts s;
    unsigned char hash[SCT_KEY_HASH];
    int rc = scts_open(&s, leaf, detached, e);
    if (rc == 0 && s.list_len == 0)
        rc = tm_err_set(e, "the certificate has no SCT: it is in no log");
    if (rc == 0)
        rc = tm_sct_issuer_key_hash(issuer, hash, e);
    s.entry.issuer_key_hash = hash;
    if (rc == 0)
        rc = verify_list(&s, logs, e);
    scts_close(&s);
    return rc;
}

static int describe(const struct tm_sct *sct, struct scts_told *out, struct tm_err *e)
{
    if (sct->timestamp_ms > INT64_MAX)
        return tm_err_set(e, "the SCT's timestamp is beyond all reason");
    tm_hex_encode(sct->log_id, sizeof(sct->log_id), out->log_id);
    out->timestamp_ms = (int64_t)sct->timestamp_ms;
    int found = tm_sct_leaf_index_get(sct, &out->leaf_index, e);
    out->has_index = found == 1;
    return found < 0 ? -1 : 0;
}

static int describe_list(const unsigned char *list, size_t len, struct scts_told_list *out,
                         struct tm_err *e)
{
    struct tm_sct sct;
    size_t at = 0;
    int next = 0;
    *out = (struct scts_told_list){0};
    while (len > 0 && (next = tm_sct_list_next(list, len, &at, &sct, e)) == 1) {
        struct scts_told *more = realloc(out->item, (out->count + 1) * sizeof(*more));
        if (more == NULL) {
            next = tm_err_set(e, "out of memory");
            break;
        }
        out->item = more;
        more[out->count] = (struct scts_told){0};
        next = describe(&sct, &more[out->count++], e);
        if (next < 0)
            break;
    }
    if (next < 0) {
        free(out->item);
        *out = (struct scts_told_list){0};
    }
    return next < 0 ? -1 : 0;
}

int scts_describe(X509 *leaf, const struct tm_buf *detached, struct scts_told_list *out,
                  struct tm_err *e)
{
    struct scts s;
    *out = (struct scts_told_list){0};
    int rc = scts_open(&s, leaf, detached, e);
    if (rc == 0)
        rc = describe_list(s.list, s.list_len, out, e);
    scts_close(&s);
    return rc;
}

int scts_describe_list(const struct tm_buf *list, struct scts_told_list *out, struct tm_err *e)
{
    return describe_list(list->data, list->len, out, e);
}
