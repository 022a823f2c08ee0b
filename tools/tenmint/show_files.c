#include "tools/tenmint/show_files.h"

#include <inttypes.h>
#include <openssl/ts.h>
#include <stdlib.h>

#include "common/transparency/note.h"
#include "tools/tenmint/show_certificate.h"
#include "tuf/metadata/metadata.h"
#include "tuf/verify/bundle/bundle.h"
#include "tuf/verify/trust/signing_config.h"
#include "tuf/verify/trust/trusted_root.h"

/* ---- bundles ---- */

static void say_entry(struct facts *f, const struct tuf_log_entry *n)
{
    facts_part(f, "Log entry");
    facts_string(f, "Kind", n->kind);
    facts_hex(f, "Log id", n->log_id.data, n->log_id.len);
    facts_number(f, "Index", n->log_index);
    if (n->integrated_time > 0)
        facts_time(f, "Integrated", n->integrated_time);
    if (n->promise.len > 0)
        facts_string(f, "Promise", "signed entry timestamp");
    if (n->has_proof) {
        facts_number(f, "Tree size", n->tree_size);
        facts_number(f, "Proof hashes", (int64_t)n->hashes.count);
        facts_hex(f, "Root hash", n->root.b, sizeof(n->root.b));
    }
    facts_whole(f);
}

static void say_timestamp(struct facts *f, const struct tm_buf *der)
{
    const unsigned char *p = der->data;
    TS_RESP *r = d2i_TS_RESP(NULL, &p, (long)der->len);
    const TS_TST_INFO *info = r != NULL ? TS_RESP_get_tst_info(r) : NULL;
    const ASN1_GENERALIZEDTIME *t = info != NULL ? TS_TST_INFO_get_time(info) : NULL;
    struct tm tm;
    facts_part(f, "Timestamp");
    if (t != NULL && ASN1_TIME_to_tm(t, &tm) == 1)
        facts_time(f, "Time", timegm(&tm));
    else
        facts_string(f, "Time", "cannot be read");
    facts_whole(f);
    TS_RESP_free(r);
}

int show_bundle(struct facts *f, const struct tm_buf *file, struct tm_err *e)
{
    static const char *const contents[] = {[BUNDLE_CERTIFICATE_ONLY] = "certificate alone",
                                           [BUNDLE_MESSAGE] = "signature of a file",
                                           [BUNDLE_DSSE] = "signed envelope (DSSE)"};
    struct tuf_bundle *b = tuf_bundle_parse(file->data, file->len, e);
    if (b == NULL)
        return -1;
    facts_string(f, "Bundle", contents[b->content]);
    if (b->has_digest)
        facts_hex(f, "Digest", b->digest.data, b->digest.len);
    facts_string(f, "Payload type", b->payload_type);
    if (b->content == BUNDLE_DSSE)
        facts_number(f, "Payload bytes", (int64_t)b->payload.len);
    for (size_t i = 0; i < b->entries.count; i++)
        say_entry(f, &b->entries.item[i]);
    for (size_t i = 0; i < b->timestamp_count; i++)
        say_timestamp(f, &b->timestamp[i]);
    int rc = 0;
    if (b->leaf != NULL) {
        facts_part(f, "Certificate");
        rc = show_certificate(f, b->leaf, NULL, e);
        facts_whole(f);
    } else {
        facts_string(f, "Signed by", "a key that the verifier has");
    }
    tuf_bundle_free(b);
    return rc;
}

/* ---- trusted_root.json, signing_config.json ---- */

static void say_trusted(struct facts *f, enum tuf_trust_list list, const struct tuf_trust_entry *t)
{
    static const char *const labels[TRUST_LIST_COUNT] = {[TRUST_CA] = "Certificate authority",
                                                         [TRUST_TSA] = "Timestamp authority",
                                                         [TRUST_CTLOG] = "CT log",
                                                         [TRUST_TLOG] = "Transparency log"};
    char text[VALIDITY_TEXT_MAX];
    char id[TRUST_FINGERPRINT_MAX];
    facts_part(f, labels[list]);
    facts_string(f, "Address", t->uri);
    facts_string(f, "Operator", t->operator_name);
    facts_string(f, "Valid", tuf_validity_text(&t->valid, text));
    facts_string(f, list == TRUST_CA || list == TRUST_TSA ? "SHA-256" : "Log id",
                 tuf_trust_entry_fingerprint(list, t, id));
    facts_string(f, "Organization", t->organization);
    facts_string(f, "Common name", t->common_name);
    if (t->chain != NULL)
        facts_number(f, "Chain", sk_X509_num(t->chain));
    facts_whole(f);
}

int show_trusted_root(struct facts *f, const struct tm_buf *file, struct tm_err *e)
{
    struct tuf_trusted_root *r = tuf_trusted_root_parse(file->data, file->len, e);
    if (r == NULL)
        return -1;
    for (enum tuf_trust_list list = 0; list < TRUST_LIST_COUNT; list++) {
        const struct tuf_trust_entry *t;
        for (size_t i = 0; (t = tuf_trusted_root_entry(r, list, i)) != NULL; i++)
            say_trusted(f, list, t);
    }
    const struct tuf_trust_left_out *out;
    for (size_t i = 0; (out = tuf_trusted_root_left_out(r, i)) != NULL; i++)
        facts_string(f, "Left out", out->note);
    tuf_trusted_root_free(r);
    return 0;
}

static void say_service(struct facts *f, enum tuf_service_kind kind, const struct tuf_service *s)
{
    char text[VALIDITY_TEXT_MAX];
    static const char *const labels[SERVICE_KIND_COUNT] = {[SERVICE_CA] = "CA",
                                                           [SERVICE_OIDC] = "OIDC provider",
                                                           [SERVICE_TLOG] = "Transparency log",
                                                           [SERVICE_TSA] = "Timestamp authority"};
    facts_part(f, labels[kind]);
    facts_string(f, "Address", s->url);
    facts_number(f, "API version", s->major_version);
    facts_string(f, "Operator", s->operator_name);
    facts_string(f, "Valid", tuf_validity_text(&s->valid, text));
    facts_whole(f);
}

int show_signing_config(struct facts *f, const struct tm_buf *file, struct tm_err *e)
{
    struct tuf_signing_config *c = tuf_signing_config_parse(file->data, file->len, e);
    if (c == NULL)
        return -1;
    for (enum tuf_service_kind kind = 0; kind < SERVICE_KIND_COUNT; kind++) {
        const struct tuf_service *s;
        for (size_t i = 0; (s = tuf_signing_config_service(c, kind, i)) != NULL; i++)
            say_service(f, kind, s);
    }
    for (size_t i = 0; tuf_signing_config_left_out(c, i) != NULL; i++)
        facts_string(f, "Left out", tuf_signing_config_left_out(c, i));
    tuf_signing_config_free(c);
    return 0;
}

/* ---- TUF metadata ---- */

static void say_signatures(struct facts *f, const struct tuf_metadata *m)
{
    const struct tuf_signatures *all = tuf_metadata_signature_list(m);
    for (size_t i = 0; i < all->count; i++) {
        if (all->item[i].sig[0] != '\0')
            facts_string(f, "Signed by key", all->item[i].keyid);
    }
}

static void say_root(struct facts *f, const struct tuf_root *root)
{
    for (enum tuf_role role = 0; role < TUF_ROLE_COUNT; role++) {
        const struct tuf_role_keys *by = &root->roles.role[role];
        facts_part(f, "Role");
        facts_string(f, "Name", tuf_role_name(role));
        facts_number(f, "Threshold", by->threshold);
        for (size_t i = 0; i < by->keyids.count; i++)
            facts_string(f, "Key", by->keyids.item[i]);
        facts_whole(f);
    }
    for (size_t i = 0; i < root->keys.count; i++) {
        const struct tuf_public_key *k = &root->keys.item[i];
        facts_part(f, "Key");
        facts_string(f, "Id", k->keyid);
        facts_string(f, "Type", k->keytype);
        facts_string(f, "Scheme", k->scheme);
        facts_string(f, "Holder", tuf_key_owner(k));
        facts_whole(f);
    }
}

int show_metadata(struct facts *f, const struct tm_buf *file, struct tm_err *e)
{
    struct tuf_metadata *m = NULL;
    for (enum tuf_role role = 0; m == NULL && role < TUF_ROLE_COUNT; role++)
        m = tuf_metadata_parse(file->data, file->len, role, e);
    if (m == NULL)
        return tm_err_wrap(e, "TUF metadata");
    const struct tuf_signed *s = tuf_metadata_signed(m);
    facts_string(f, "TUF role", tuf_role_name(s->role));
    facts_number(f, "Version", s->version);
    facts_time(f, "Expires", s->expires);
    say_signatures(f, m);
    if (s->role == TUF_ROOT)
        say_root(f, &s->root);
    tuf_metadata_free(m);
    return 0;
}

/* ---- checkpoints, SCTs ---- */

int show_checkpoint(struct facts *f, const struct tm_buf *file, struct tm_err *e)
{
    struct tm_note note;
    struct tm_checkpoint c;
    if (tm_note_parse(file->data, file->len, &note, e) != 0)
        return -1;
    int rc = tm_checkpoint_parse(&note, &c, e);
    if (rc == 0) {
        facts_string(f, "Checkpoint of", c.origin);
        facts_number(f, "Size", (int64_t)c.size);
        facts_hex(f, "Root hash", c.root.b, sizeof(c.root.b));
        for (size_t i = 0; i < note.count; i++) {
            const struct tm_note_signature *s = &note.signature[i];
            facts_part(f, "Signature line");
            facts_text(f, "Name", s->name, s->name_len);
            facts_hex(f, "Key id", s->id, sizeof(s->id));
            facts_whole(f);
        }
    }
    tm_note_free(&note);
    return rc;
}

int show_sct(struct facts *f, const struct tm_buf *file, struct tm_err *e)
{
    struct tm_buf list = {0};
    struct scts_told_list all = {0};
    int rc = scts_parse_detached(file->data, file->len, &list, e);
    if (rc == 0)
        rc = scts_describe_list(&list, &all, e);
    if (rc == 0) {
        show_scts(f, &all);
        free(all.item);
    }
    tm_buf_free(&list);
    return rc;
}
