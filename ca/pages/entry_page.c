#include <inttypes.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "ca/log/monitor/signed.h"
#include "ca/pages/pages.h"
#include "ca/pages/words.h"
#include "common/b64.h"
#include "common/certs.h"
#include "common/hex.h"

#define PEM_LINE 64

static void number(struct tm_html *h, const char *term, uint64_t v)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, v);
    tm_html_fact(h, term, text);
}

/* ---- what it says ---- */

static void pem(struct tm_html *h, const char *label, const void *der, size_t len)
{
    struct tm_buf b = {0};
    tm_b64_encode(B64_STD, der, len, &b);
    tm_html_open(h, "details");
    tm_html_text(h, "");
    tm_html_element(h, "summary", "as PEM");
    tm_html_open(h, "pre");
    tm_html_printf(h, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < b.len; at += PEM_LINE) {
        tm_html_bytes(h, b.data + at, b.len - at < PEM_LINE ? b.len - at : PEM_LINE);
        tm_html_text(h, "\n");
    }
    tm_html_printf(h, "-----END %s-----\n", label);
    tm_html_close(h);
    tm_html_close(h);
    h->out.failed |= buf_failed(&b);
    tm_buf_free(&b);
}

/* Who names himself as the issuer of a certificate that nobody here has verified. */
static void say_unverified(struct tm_html *h, const unsigned char *der, size_t len)
{
    const unsigned char *p = der;
    X509 *x = d2i_X509(NULL, &p, (long)len);
    struct tm_buf name = {0};
    if (x != NULL)
        tm_certs_name(X509_get_issuer_name(x), false, &name);
    tm_html_open(h, "p");
    tm_html_badge(h, TM_HTML_WARN, "not verified");
    tm_html_text(h, " Anybody can sign with a certificate of his own making. This one says that it "
                    "was issued by ");
    tm_html_bytes(h, name.data, name.len);
    tm_html_text(h, "; whether it was, tenmint verify says.");
    tm_html_close(h);
    tm_buf_free(&name);
    X509_free(x);
}

/* Certificates of a log of certificates were issued by a CA that it takes; those of a log of
 * signatures (`claimed`) are what a signer brought along. */
static void say_certificate(struct tm_html *h, const struct ca_certificate *c, const char *label,
                            const unsigned char *der, size_t len, bool claimed)
{
    tm_html_section(h, "identity",
                    claimed ? "What the signer's certificate claims" : "Whom it was issued to");
    if (claimed)
        say_unverified(h, der, len);
    tm_html_facts(h);
    ca_words_identity(h, c);
    tm_html_close(h);
    tm_html_close(h);
    tm_html_section(h, "certificate", "Certificate");
    tm_html_facts(h);
    ca_words_certificate(h, c);
    tm_html_close(h);
    if (der != NULL)
        pem(h, label, der, len);
    tm_html_close(h);
}

static void say_damaged(struct tm_html *h, const struct tm_err *why)
{
    tm_html_section(h, "damaged", "It cannot be read");
    tm_html_element(h, "p", why->text);
    tm_html_close(h);
}

static void say_logged(struct tm_html *h, const struct tm_entry *n)
{
    struct ca_certificate c;
    struct tm_err why = {0};
    bool pre = n->precert != NULL;
    if (ca_certificate_read(&n->logged, &c, &why) != 0)
        say_damaged(h, &why);
    else
        say_certificate(h, &c, pre ? "PRECERTIFICATE" : "CERTIFICATE",
                        pre ? n->precert : n->logged.cert,
                        pre ? n->precert_len : n->logged.cert_len, false);
}

static void say_signer(struct tm_html *h, const struct ca_signed_by *by)
{
    struct ca_certificate c;
    struct tm_err why = {0};
    unsigned char hash[32];
    if (by->certificate.len > 0 && ca_signed_certificate(by, &c, &why) == 0) {
        say_certificate(h, &c, "CERTIFICATE", by->certificate.data, by->certificate.len, true);
        return;
    }
    if (by->certificate.len > 0) {
        say_damaged(h, &why);
        return;
    }
    tm_html_section(h, NULL, "Signed by a key without a certificate");
    tm_html_facts(h);
    if (ca_signed_key_hash(by, hash) == 0)
        ca_words_hex(h, "SHA-256 of the key", hash, sizeof(hash));
    if (by->algorithm != NULL)
        tm_html_fact(h, "Algorithm", by->algorithm);
    tm_html_close(h);
    tm_html_close(h);
}

static void say_signed(struct tm_html *h, const struct tm_entry *n)
{
    struct ca_signed_entry s = {0};
    struct tm_err why = {0};
    if (ca_signed_entry_read(n->text, n->text_len, &s, &why) != 0) {
        say_damaged(h, &why);
    } else {
        tm_html_section(h, "signed", "What was signed");
        tm_html_facts(h);
        tm_html_fact(h, "Kind", s.kind);
        tm_html_fact(h, "Hash", s.hash);
        ca_words_hex(h, "Digest", s.digest.data, s.digest.len);
        tm_html_close(h);
        tm_html_close(h);
        for (size_t i = 0; i < s.by.count; i++)
            say_signer(h, &s.by.item[i]);
    }
    ca_signed_entry_free(&s);
}

/* ---- where it stands ---- */

static void say_proof(struct tm_html *h, const struct ca_shelf_entry *at)
{
    char hex[2 * MERKLE_HASH + 1];
    if (at->proof_count == 0) {
        tm_html_element(h, "p", "It is the only entry: its leaf hash is the root.");
        return;
    }
    tm_html_open(h, "details");
    tm_html_text(h, "");
    tm_html_element(h, "summary", "the proof, from the leaf up");
    tm_html_open(h, "pre");
    for (size_t i = 0; i < at->proof_count; i++) {
        tm_hex_encode(at->proof[i].b, MERKLE_HASH, hex);
        tm_html_printf(h, "%s\n", hex);
    }
    tm_html_close(h);
    tm_html_close(h);
}

static void say_place(struct tm_html *h, const struct ca_page_entry *p)
{
    const struct ca_head *head = p->head;
    tm_html_section(h, "log", "In the log");
    tm_html_open(h, "p");
    tm_html_badge(h, TM_HTML_GOOD, "included");
    tm_html_printf(h, " The proof was checked against the signed tree of %" PRIu64 " entries.",
                   head->tree.size);
    tm_html_close(h);
    tm_html_facts(h);
    tm_html_fact(h, "Log", head->tree.origin);
    number(h, "Entry", p->at->index);
    if (p->at->entry->text == NULL)
        tm_html_fact_time(h, "Logged", (int64_t)(p->at->entry->timestamp_ms / 1000));
    ca_words_hex(h, "Leaf hash", p->at->leaf.b, MERKLE_HASH);
    ca_words_hex(h, "Root hash", head->tree.root.b, MERKLE_HASH);
    tm_html_close(h);
    say_proof(h, p->at);
    tm_html_open(h, "details");
    tm_html_text(h, "");
    tm_html_element(h, "summary", "the signed checkpoint");
    tm_html_open(h, "pre");
    tm_html_bytes(h, head->note.data, head->note.len);
    tm_html_close(h);
    tm_html_close(h);
    tm_html_close(h);
}

/* Nobody has to believe this page. */
static void say_check(struct tm_html *h, const struct ca_page_entry *p)
{
    tm_html_section(h, "check", "Check it yourself");
    tm_html_element(h, "p",
                    "With the log's public key from the trust root, on your own machine, which "
                    "proves the same without this page:");
    tm_html_open(h, "pre");
    tm_html_printf(h, "tenmint-log export %s --key log.pem --first %" PRIu64 " --last %" PRIu64,
                   p->log->address != NULL ? p->log->address : "URL-OF-THE-LOG", p->at->index,
                   p->at->index);
    tm_html_close(h);
    tm_html_close(h);
}

void ca_page_entry(struct tm_html *h, const struct ca_page_site *site,
                   const struct ca_page_entry *p)
{
    char title[64];
    bool signatures = p->at->entry->text != NULL;
    snprintf(title, sizeof(title), "%s %" PRIu64, signatures ? "Signature" : "Certificate",
             p->at->index);
    ca_page_begin(h, site, CA_PAGE_ENTRY, title, p->head->tree.origin);
    if (signatures)
        say_signed(h, p->at->entry);
    else
        say_logged(h, p->at->entry);
    say_place(h, p);
    say_check(h, p);
    ca_page_end(h, p->now, p->version);
}
