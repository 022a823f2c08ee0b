/*
 * The SCTs of a certificate, for a person and for a check: embedded ones, or one that came
 * beside it.
 */
#ifndef TENMINT_TOOLS_TENMINT_SCTS_H
#define TENMINT_TOOLS_TENMINT_SCTS_H

#include <jansson.h>
#include <openssl/x509.h>

#include "common/buf.h"
#include "common/err.h"
#include "tools/shared/cli.h"

struct scts_log { /* one that the user trusts */
    const char *file;
    EVP_PKEY *key;
    unsigned char id[32];
};

struct scts_logs {
    struct scts_log item[CLI_LIST_MAX];
    size_t count;
};

/* Public keys of logs, one a file. Free in either case. */
int scts_logs_load(const struct cli_list *files, struct scts_logs *out, struct tm_err *e);
void scts_logs_free(struct scts_logs *logs);

/* Appends, as an SCT list, what came beside a certificate: sct.json of `tenmint cert`, or the value
 * of the CA's SCT header, which is the same in base64. Not verified. */
int scts_parse_detached(const void *json, size_t len, struct tm_buf *list,
                        struct tm_err *e); /* JSON */
int scts_read_detached(const char *path, struct tm_buf *list, struct tm_err *e);

/* 0: at least one SCT is of these logs, and none of them is wrong. `detached`: a list of SCTs from
 * beside the certificate, or NULL: the embedded ones. */
int scts_verify(X509 *leaf, X509 *issuer, const struct tm_buf *detached,
                const struct scts_logs *logs, struct tm_err *e);

/* One object for each SCT: log_id (hex), timestamp_ms, and leaf_index where there is one. A new
 * reference; NULL with `e` set when they are damaged. */
json_t *scts_describe(X509 *leaf, const struct tm_buf *detached, struct tm_err *e);

#endif
