#include "tuf/verify/trust/export.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/b64.h"
#include "common/pem.h"
#include "common/tar.h"
#include "common/utf8.h"
#include "tuf/verify/trust/internal.h"
#include "tuf/verify/trust/key_details.h"

/* policy-controller takes a file's content by one Read of Go's inflate, which gives no more than
 * its window at a time. */
#define GO_WINDOW ((size_t)32768)
#define FILLER "repository/.padding"

__attribute__((format(printf, 2, 3))) static void note(const struct tuf_export *x, const char *fmt,
                                                       ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    tm_utf8_clean(text);
    x->note(x->arg, text);
}

static void note_entry(const struct tuf_export *x, enum tuf_trust_list list,
                       const struct tuf_trust_entry *t, const char *why)
{
    char id[TRUST_FINGERPRINT_MAX];
    note(x, "%s %.16s (%.100s) %s", tuf_trust_lists[list].name,
         tuf_trust_entry_fingerprint(list, t, id), t->uri, why);
}

/* ---- parts of YAML ---- */

/* In double quotes: addresses and names are others'. */
static void put_quoted(const char *text, struct tm_buf *out)
{
    tm_buf_puts(out, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            tm_buf_printf(out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            tm_buf_printf(out, "\\x%02x", *p);
        else
            tm_buf_append(out, p, 1);
    }
    tm_buf_puts(out, "\"");
}

static void put_pair(const char *key, const char *value, struct tm_buf *out)
{
    tm_buf_puts(out, key);
    tm_buf_puts(out, ": ");
    put_quoted(value, out);
    tm_buf_puts(out, "\n");
}

/* "key: |" and the text below it, `indent` deep. */
static void put_block(int indent, const char *key, const struct tm_buf *text, struct tm_buf *out)
{
    const char *p = (const char *)text->data;
    const char *end = p + text->len;
    tm_buf_printf(out, "%*s%s: |\n", indent - 2, "", key);
    while (p < end) {
        const char *line = memchr(p, '\n', (size_t)(end - p));
        line = line != NULL ? line + 1 : end;
        tm_buf_printf(out, "%*s", indent, "");
        tm_buf_append(out, p, (size_t)(line - p));
        p = line;
    }
}

static void put_b64(const char *key, const void *data, size_t len, struct tm_buf *out)
{
    tm_buf_printf(out, "%s: ", key);
    tm_b64_encode(B64_STD, data, len, out);
    tm_buf_puts(out, "\n");
}

/* ---- parts of the trusted root ---- */

static void put_certs(const struct tuf_trust_entry *t, struct tm_buf *out)
{
    for (int i = 0; i < sk_X509_num(t->chain); i++) {
        unsigned char *der = NULL;
        int len = i2d_X509(sk_X509_value(t->chain, i), &der);
        if (len > 0)
            tm_pem_put("CERTIFICATE", der, (size_t)len, PEM_STYLE_FILE, out);
        OPENSSL_free(der);
    }
}

static void put_key(const struct tuf_trust_entry *t, struct tm_buf *out)
{
    tm_pem_put("PUBLIC KEY", t->key_bytes.data, t->key_bytes.len, PEM_STYLE_FILE, out);
}

static void put_material(enum tuf_trust_list list, const struct tuf_trust_entry *t,
                         struct tm_buf *out)
{
    if (tuf_trust_lists[list].log)
        put_key(t, out);
    else
        put_certs(t, out);
}

/* False with a note: ended, and the form could not say so. */
static bool in_force(const struct tuf_export *x, enum tuf_trust_list list,
                     const struct tuf_trust_entry *t)
{
    if (tuf_validity_at(&t->valid, x->now_ms) == VALIDITY_BEFORE) {
        note_entry(x, list, t, "is not valid yet and is left out: export again when it is");
        return false;
    }
    if (!t->valid.has_end || t->valid.end_ms > x->now_ms)
        return true;
    note_entry(x, list, t,
               "has ended and is left out: this form knows no validity, so what it signed "
               "until then does not verify there");
    return false;
}

/* The newest in force, of those that take one key; the others are named. */
static const struct tuf_trust_entry *one_of(const struct tuf_export *x, enum tuf_trust_list list)
{
    const struct tuf_trust_entry *found = NULL;
    for (size_t i = x->trust->count[list]; i-- > 0;) {
        const struct tuf_trust_entry *t = x->trust->entry[list][i];
        if (!in_force(x, list, t))
            continue;
        if (found == NULL)
            found = t;
        else
            note_entry(x, list, t, "is left out: this form takes one");
    }
    return found;
}

static void all_of(const struct tuf_export *x, enum tuf_trust_list list, struct tm_buf *out)
{
    for (size_t i = 0; i < x->trust->count[list]; i++) {
        const struct tuf_trust_entry *t = x->trust->entry[list][i];
        if (in_force(x, list, t))
            put_material(list, t, out);
    }
}

static int done(const struct tm_buf *out, struct tm_err *e)
{
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

/* ---- policy-controller ---- */

static void warn_keys(const struct tuf_export *x)
{
    if (x->trust->count[TRUST_TLOG] == 0)
        note(x, "there is no log of signatures: policies must set ctlog and rfc3161timestamp by "
                "themselves, or admit nothing");
    for (size_t i = 0; i < x->trust->count[TRUST_TLOG]; i++) {
        const struct tuf_trust_entry *t = x->trust->entry[TRUST_TLOG][i];
        const char *refused = tuf_log_key_refused(t->key);
        if (refused != NULL)
            note_entry(x, TRUST_TLOG, t, refused);
    }
}

static void begin_manifest(const struct tuf_export *x, const char *kind, struct tm_buf *out)
{
    warn_keys(x);
    tm_buf_puts(out, "apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata:\n");
    put_pair("  name", x->name, out);
    tm_buf_printf(out, "spec:\n  %s:\n", kind);
}

static int write_remote(const struct tuf_export *x, struct tm_buf *out, struct tm_err *e)
{
    begin_manifest(x, "remote", out);
    put_pair("    mirror", x->mirror, out);
    tm_buf_puts(out, "    targets: targets\n    trustedRootTarget: trusted_root.json\n");
    put_b64("    root", x->root, x->root_len, out);
    return done(out, e);
}

static int put_tar(const struct tuf_export *x, const char *below, size_t boundary,
                   struct tm_buf *out, struct tm_err *e)
{
    int rc = 0;
    for (size_t i = 0; i < x->count && rc == 0; i++) {
        const struct tuf_export_file *f = &x->file[i];
        struct tm_buf name = {0};
        tm_buf_printf(&name, "%s%s", below, f->name);
        if (tm_buf_str(&name) == NULL)
            rc = tm_err_set(e, "out of memory");
        else if (boundary == 0)
            rc = tm_tar_add(out, tm_buf_str(&name), f->data, f->len, e);
        else
            rc = tm_tar_add_within(out, boundary, FILLER, tm_buf_str(&name), f->data, f->len, e);
        if (rc == 1)
            note(x,
                 "%.200s has %zu bytes, and policy-controller reads %zu of a file at most: it will "
                 "refuse this repository; use the form policy-controller",
                 f->name, f->len, boundary);
        rc = rc < 0 ? -1 : 0;
        tm_buf_free(&name);
    }
    return rc == 0 ? tm_tar_end(out, e) : -1;
}

static int write_repository(const struct tuf_export *x, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf tar = {0};
    struct tm_buf packed = {0};
    int rc = put_tar(x, "repository/", GO_WINDOW, &tar, e);
    if (rc == 0)
        rc = tm_gzip(tar.data, tar.len, &packed, e);
    if (rc == 0) {
        begin_manifest(x, "repository", out);
        tm_buf_puts(out, "    targets: targets\n    trustedRootTarget: trusted_root.json\n");
        put_b64("    root", x->root, x->root_len, out);
        put_b64("    mirrorFS", packed.data, packed.len, out);
        note(x, "the manifest is a copy: make and apply it anew before the timestamp in it "
                "expires");
        rc = done(out, e);
    }
    tm_buf_free(&tar);
    tm_buf_free(&packed);
    return rc;
}

static void put_authority(const struct tuf_export *x, enum tuf_trust_list list,
                          const struct tuf_trust_entry *t, struct tm_buf *out)
{
    struct tm_buf pem = {0};
    if (t->organization[0] == '\0' || t->common_name[0] == '\0')
        note_entry(x, list, t,
                   "names no organization or common name: policy-controller wants both, "
                   "so its address stands for them");
    tm_buf_puts(out, "    - subject:\n");
    put_pair("        organization", t->organization[0] != '\0' ? t->organization : t->uri, out);
    put_pair("        commonName", t->common_name[0] != '\0' ? t->common_name : t->uri, out);
    put_pair("      uri", t->uri, out);
    put_certs(t, &pem);
    put_b64("      certChain", pem.data, pem.len, out);
    tm_buf_free(&pem);
}

static void put_log(const struct tuf_trust_entry *t, struct tm_buf *out)
{
    struct tm_buf pem = {0};
    put_pair("    - baseURL", t->uri, out);
    tm_buf_puts(out, "      hashAlgorithm: sha-256\n");
    put_key(t, &pem);
    put_b64("      publicKey", pem.data, pem.len, out);
    tm_buf_free(&pem);
}

static int write_keys(const struct tuf_export *x, struct tm_buf *out, struct tm_err *e)
{
    static const char *const names[TRUST_LIST_COUNT] = {"certificateAuthorities",
                                                        "timestampAuthorities", "ctLogs", "tLogs"};
    begin_manifest(x, "sigstoreKeys", out);
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        enum tuf_trust_list list = (enum tuf_trust_list)l;
        bool any = false;
        for (size_t i = 0; i < x->trust->count[l]; i++) {
            const struct tuf_trust_entry *t = x->trust->entry[l][i];
            if (!in_force(x, list, t))
                continue;
            if (!any)
                tm_buf_printf(out, "    %s:\n", names[l]);
            any = true;
            if (tuf_trust_lists[l].log)
                put_log(t, out);
            else
                put_authority(x, list, t, out);
        }
    }
    note(x, "these keys are a copy: a removal reaches policy-controller when it is applied anew");
    return done(out, e);
}

/* ---- Kyverno ---- */

static void put_one_key(const struct tuf_trust_entry *t, int indent, struct tm_buf *out)
{
    struct tm_buf pem = {0};
    put_key(t, &pem);
    put_block(indent, "pubkey", &pem, out);
    tm_buf_free(&pem);
}

static int write_kyverno(const struct tuf_export *x, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf roots = {0};
    struct tm_buf tsa = {0};
    const struct tuf_trust_entry *log = one_of(x, TRUST_TLOG);
    const struct tuf_trust_entry *ctlog = one_of(x, TRUST_CTLOG);
    const struct tuf_trust_entry *t = one_of(x, TRUST_TSA);
    all_of(x, TRUST_CA, &roots);
    if (t != NULL)
        put_certs(t, &tsa);
    tm_buf_puts(out, "# for spec.rules[].verifyImages[] of a ClusterPolicy\n"
                     "attestors:\n- count: 1\n  entries:\n  - keyless:\n");
    put_pair("      issuer", x->issuer, out);
    put_pair("      subject", x->subject, out);
    put_block(8, "roots", &roots, out);
    tm_buf_puts(out, "      rekor:\n");
    put_pair("        url", log != NULL ? log->uri : "https://none.invalid", out);
    if (log != NULL) {
        put_one_key(log, 10, out);
    } else {
        tm_buf_puts(out, "        ignoreTlog: true\n");
        note(x, "there is no log of signatures: Kyverno goes by the timestamp alone, and without "
                "one admits nothing that is older than its certificate's ten minutes");
    }
    tm_buf_puts(out, ctlog != NULL || tsa.len > 0 ? "      ctlog:\n"
                                                  : "      ctlog:\n        ignoreSCT: true\n");
    if (ctlog != NULL)
        put_one_key(ctlog, 10, out);
    else
        note(x, "there is no CT log: Kyverno must not ask for SCTs");
    if (ctlog == NULL && tsa.len > 0)
        tm_buf_puts(out, "        ignoreSCT: true\n");
    if (tsa.len > 0)
        put_block(10, "tsaCertChain", &tsa, out);
    tm_buf_free(&roots);
    tm_buf_free(&tsa);
    return done(out, e);
}

/* ---- Connaisseur ---- */

static int write_connaisseur(const struct tuf_export *x, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf pem = {0};
    const struct tuf_trust_entry *log = one_of(x, TRUST_TLOG);
    const struct tuf_trust_entry *ctlog = one_of(x, TRUST_CTLOG);
    tm_buf_puts(out, "# for application.validators of the chart's values.yaml\n");
    put_pair("- name", x->name, out);
    tm_buf_puts(out, "  type: cosign\n  host:\n");
    if (log != NULL) {
        put_pair("    rekor", log->uri, out);
        put_key(log, &pem);
        put_block(6, "rekorPubkey", &pem, out);
    } else {
        note(x, "there is no log of signatures: the policy needs 'with.verifyInTransparencyLog: "
                "false', and Connaisseur then admits nothing that is older than its certificate's "
                "ten minutes, since it knows no timestamps");
    }
    pem.len = 0;
    if (ctlog != NULL) {
        put_key(ctlog, &pem);
        put_block(6, "ctLogPubkey", &pem, out);
    } else {
        note(x, "there is no CT log: the policy needs 'with.verifySCT: false'");
    }
    pem.len = 0;
    all_of(x, TRUST_CA, &pem);
    put_block(6, "fulcioCert", &pem, out);
    tm_buf_puts(out, "  trustRoots:\n  - name: keyless\n    keyless:\n");
    put_pair("      issuer", x->issuer, out);
    put_pair("      subject", x->subject, out);
    tm_buf_free(&pem);
    return done(out, e);
}

/* ---- for everything else ---- */

static int write_pem(const struct tuf_export *x, struct tm_buf *out, struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        for (size_t i = 0; i < x->trust->count[l]; i++) {
            const struct tuf_trust_entry *t = x->trust->entry[l][i];
            char line[512];
            if (!in_force(x, (enum tuf_trust_list)l, t))
                continue;
            snprintf(line, sizeof(line), "%s %.200s, %s", tuf_trust_lists[l].name, t->uri,
                     tuf_validity_text(&t->valid, when));
            tm_utf8_clean(line);
            tm_buf_printf(out, "# %s\n", line);
            put_material((enum tuf_trust_list)l, t, out);
        }
    }
    return done(out, e);
}

static int write_mirror(const struct tuf_export *x, struct tm_buf *out, struct tm_err *e)
{
    return put_tar(x, "", 0, out, e);
}

static int write_config(const struct tuf_export *x, struct tm_buf *out, struct tm_err *e)
{
    tm_buf_append(out, x->client_config->data, x->client_config->len);
    return done(out, e);
}

const struct tuf_export_form tuf_export_forms[] = {
    {"policy-controller", TUF_EXPORT_MIRROR, write_remote},
    {"policy-controller-repository", TUF_EXPORT_FILES, write_repository},
    {"policy-controller-keys", 0, write_keys},
    {"kyverno", 0, write_kyverno},
    {"connaisseur", 0, write_connaisseur},
    {"pem", 0, write_pem},
    {"client-trust-config", TUF_EXPORT_CONFIG, write_config},
    {"mirror-tar", TUF_EXPORT_FILES, write_mirror},
};
const size_t tuf_export_form_count = sizeof(tuf_export_forms) / sizeof(tuf_export_forms[0]);
