/* tenmint show: what a file says, whatever it is. */
#include <string.h>

#include "common/certs.h"
#include "common/file.h"
#include "tools/tenmint/commands.h"
#include "tools/tenmint/show_certificate.h"
#include "tools/tenmint/show_files.h"
#include "tuf/verify/bundle/bundle.h"

/* With the logs' keys given, the file must also hold the issuing CA's certificate. */
static int check_scts(struct facts *f, STACK_OF(X509) * certs, const struct tm_buf *detached,
                      const struct cli_list *keys, struct tm_err *e)
{
    struct scts_logs logs = {0};
    X509 *issuer = sk_X509_value(certs, 1);
    if (keys->count == 0)
        return 0;
    int rc = scts_logs_load(keys, &logs, e);
    if (rc == 0)
        rc = issuer != NULL
                 ? scts_verify(sk_X509_value(certs, 0), issuer, detached, &logs, e)
                 : tm_err_set(e, "SCTs are verified with the issuing CA's certificate, which must "
                                 "follow the leaf in the file (chain.pem)");
    scts_logs_free(&logs);
    if (rc == 0)
        facts_string(f, "SCT Verified", "yes");
    return rc;
}

/* ---- what it is ---- */

#define FILE_MAX BUNDLE_BYTES_MAX

static const struct kind { /* of files that are no certificates */
    const char *word;      /* that such a file has, in its first bytes or anywhere */
    int (*show)(struct facts *f, const struct tm_buf *file, struct tm_err *e);
} kinds[] = {
    {"application/vnd.dev.sigstore.bundle", show_bundle},
    {"application/vnd.dev.sigstore.trustedroot", show_trusted_root},
    {"application/vnd.dev.sigstore.signingconfig", show_signing_config},
    {"\"signed\"", show_metadata},
    {"\"sct_version\"", show_sct},
    {"\n\n\xe2\x80\x94 ", show_checkpoint},
};

static const struct kind *kind_of(const struct tm_buf *file)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (memmem(file->data, file->len, kinds[i].word, strlen(kinds[i].word)) != NULL)
            return &kinds[i];
    }
    return NULL;
}

struct ask { /* the command line */
    const char *path, *sct;
    struct cli_list keys;
    bool json;
};

static int show_certificates(struct facts *f, const struct ask *a, const struct tm_buf *file,
                             struct tm_err *e)
{
    struct tm_buf detached = {0};
    STACK_OF(X509) *certs = tm_certs_parse_given(file->data, file->len, e);
    if (certs == NULL)
        return tm_err_wrap(e,
                           "it is no bundle, trusted root, signing configuration, TUF metadata, "
                           "SCT or checkpoint: certificate chain '%s'",
                           a->path);
    int rc = a->sct != NULL ? scts_read_detached(a->sct, &detached, e) : 0;
    if (rc == 0)
        rc = show_certificate(f, sk_X509_value(certs, 0), &detached, e);
    if (rc == 0)
        rc = check_scts(f, certs, &detached, &a->keys, e);
    tm_buf_free(&detached);
    sk_X509_pop_free(certs, X509_free);
    return rc;
}

static int show_file(struct facts *f, const struct ask *a, struct tm_err *e)
{
    struct tm_buf file = {0};
    int rc = CLI_UNKNOWN;
    if (tm_file_read_text(a->path, FILE_MAX, &file, e) == 0) {
        const struct kind *kind = kind_of(&file);
        if (kind != NULL && (a->sct != NULL || a->keys.count > 0)) {
            tm_err_set(e, "--sct and --log-key are for certificates");
            rc = CLI_USAGE;
        } else if (kind != NULL) {
            rc = kind->show(f, &file, e) == 0 ? CLI_OK : CLI_FAILED;
        } else {
            rc = show_certificates(f, a, &file, e) == 0 ? CLI_OK : CLI_FAILED;
        }
    }
    tm_buf_free(&file);
    return rc;
}

int command_show(const struct cli_command *self, int argc, char **argv)
{
    struct ask a = {0};
    struct facts f;
    const struct cli_option options[] = {
        {"log-key", CLI_LIST, "FILE", "verify the SCTs with a log's public key; repeatable",
         &a.keys},
        {"sct", CLI_TEXT, "FILE", "the SCT that came beside the certificate (sct.json)", &a.sct},
        CLI_JSON(&a.json),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    a.path = argv[0];
    facts_begin(&f, a.json);
    rc = show_file(&f, &a, &e);
    if (rc != CLI_OK)
        json_decref(f.all);
    else if (facts_end(&f, &e) != 0)
        rc = CLI_FAILED;
    return rc == CLI_OK ? rc : cli_fail_json(a.json, rc, &e);
}
