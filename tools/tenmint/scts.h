/*
 * The SCTs of a certificate, for a person and for a check: embedded ones, or one that came
 * beside it.
 */
#pragma once

#include <openssl/x509.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/transparency/sct.h"
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

struct scts_told {                   /* what an SCT says, unverified */
    char log_id[2 * SCT_LOG_ID + 1]; /* hex */
    int64_t timestamp_ms;            /* since 1970 */
    bool has_index;
    uint64_t leaf_index;
};

struct scts_told_list {
    struct scts_told *item; /* owned: free() */
    size_t count;
};

/* Each SCT of a certificate in turn, embedded ones or `detached` as above. -1: they are damaged;
 * nothing to free then. */
int scts_describe(X509 *leaf, const struct tm_buf *detached, struct scts_told_list *out,
                  struct tm_err *e);
/* The same of a list alone. */
int scts_describe_list(const struct tm_buf *list, struct scts_told_list *out, struct tm_err *e);
