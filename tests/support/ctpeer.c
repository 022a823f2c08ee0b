#include "tests/support/ctpeer.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/b64.h"

static void need(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "ctpeer: %s\n", what);
    abort();
}

/* OpenSSL takes its list of logs from a file only. */
static CTLOG_STORE *store_of(EVP_PKEY *log_key)
{
    char path[] = "/tmp/tenmint-ctlogs-XXXXXX";
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(log_key, &der);
    struct tm_buf text = {0};
    need(len > 0, "log key");
    tm_buf_puts(&text, "enabled_logs = one\n[one]\ndescription = the log\nkey = ");
    tm_b64_encode(B64_STD, der, (size_t)len, &text);
    buf_putc(&text, '\n');
    int fd = mkstemp(path);
    need(fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len, "log list");
    close(fd);
    CTLOG_STORE *store = CTLOG_STORE_new();
    need(store != NULL && CTLOG_STORE_load_file(store, path) == 1, "load the log list");
    unlink(path);
    tm_buf_free(&text);
    OPENSSL_free(der);
    return store;
}

static sct_validation_status_t validate(SCT *sct, X509 *cert, X509 *issuer, EVP_PKEY *log_key,
                                        uint64_t now_ms)
{
    CTLOG_STORE *store = store_of(log_key);
    CT_POLICY_EVAL_CTX *policy = CT_POLICY_EVAL_CTX_new();
    need(policy != NULL && CT_POLICY_EVAL_CTX_set1_cert(policy, cert) == 1 &&
             CT_POLICY_EVAL_CTX_set1_issuer(policy, issuer) == 1,
         "policy");
    CT_POLICY_EVAL_CTX_set_shared_CTLOG_STORE(policy, store);
    CT_POLICY_EVAL_CTX_set_time(policy, now_ms);
    (void)SCT_validate(sct, policy);
    sct_validation_status_t status = SCT_get_validation_status(sct);
    CT_POLICY_EVAL_CTX_free(policy);
    CTLOG_STORE_free(store);
    return status;
}

sct_validation_status_t ctpeer_embedded(X509 *cert, X509 *issuer, EVP_PKEY *log_key,
                                        uint64_t now_ms)
{
    STACK_OF(SCT) *list = X509_get_ext_d2i(cert, NID_ct_precert_scts, NULL, NULL);
    sct_validation_status_t status = SCT_VALIDATION_STATUS_NOT_SET;
    for (int i = 0; i < sk_SCT_num(list); i++) {
        SCT *sct = sk_SCT_value(list, i);
        need(SCT_set_log_entry_type(sct, CT_LOG_ENTRY_TYPE_PRECERT) == 1, "entry type");
        status = validate(sct, cert, issuer, log_key, now_ms);
        if (status != SCT_VALIDATION_STATUS_VALID)
            break;
    }
    SCT_LIST_free(list);
    return status;
}

sct_validation_status_t ctpeer_detached(X509 *cert, X509 *issuer, const unsigned char *sct,
                                        size_t sct_len, EVP_PKEY *log_key, uint64_t now_ms)
{
    const unsigned char *p = sct;
    SCT *parsed = o2i_SCT(NULL, &p, sct_len);
    need(parsed != NULL && p == sct + sct_len, "OpenSSL reads the SCT");
    need(SCT_set_log_entry_type(parsed, CT_LOG_ENTRY_TYPE_X509) == 1, "entry type");
    sct_validation_status_t status = validate(parsed, cert, issuer, log_key, now_ms);
    SCT_free(parsed);
    return status;
}
