/* Why a transfer failed, for people: libcurl's general sentence leaves out what they must know. */
#include <openssl/x509_vfy.h>

#include "common/fetch/fetch_transfer.h"

static const struct {
    long result; /* X509_V_ERR_… */
    const char *words;
} verdicts[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, "the server's TLS certificate has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "the server's TLS certificate is not valid yet"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
     "the server's TLS certificate is self-signed, and no CA that is trusted here"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
     "the server's TLS certificate is from a CA that is not trusted here (unknown CA)"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
     "the server's TLS certificate is from a CA that is not trusted here (unknown CA, or the "
     "server does not send its intermediate)"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
     "the server's TLS certificate is from a CA that is not trusted here (unknown CA)"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
     "the server's TLS certificate is from a CA that is not trusted here (unknown CA)"},
    {X509_V_ERR_CERT_REVOKED, "the server's TLS certificate is revoked"},
    {X509_V_ERR_HOSTNAME_MISMATCH, "the server's TLS certificate is for another name"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, "the server's TLS certificate is for another address"},
};

static const char *verdict(long result)
{
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        if (verdicts[i].result == result)
            return verdicts[i].words;
    }
    return "the server's TLS certificate is not accepted";
}

int tm_transfer_reason(const struct tm_transfer *t, CURLcode code, struct tm_err *e)
{
    long result = X509_V_OK;
    const char *general = curl_easy_strerror(code);
    const char *own = t->why[0] != '\0' ? t->why : general;
    if (t->odd_coding)
        return tm_err_set(e, "'%.200s' answers in a content encoding other than gzip, once",
                          t->url);
    if (code != CURLE_PEER_FAILED_VERIFICATION)
        return tm_err_set(e, own != general ? "'%.200s': %s (%.160s)" : "'%.200s': %s", t->url,
                          general, own);
    curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &result);
    /* Of a good chain it is the name, which curl compares itself before it keeps the verdict. */
    if (result == X509_V_OK || result == X509_V_ERR_UNSPECIFIED)
        return tm_err_set(e, "'%.200s': the server's TLS certificate is for another name (%.160s)",
                          t->url, own);
    return tm_err_set(e, "'%.200s': %s (%.100s)", t->url, verdict(result), own);
}
