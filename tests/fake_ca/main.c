/*
 * A CA that answers POST /MODE/api/v2/signingCert as its mode says, good or wrong, and GitHub's
 * token service at /github (bearer "runner-secret", ?audience=…, mode from the path). Prints its
 * URL. For tests only.
 */
#include <arpa/inet.h>
#include <jansson.h>
#include <microhttpd.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/cert/cert.h"
#include "common/b64.h"
#include "common/pem.h"

struct fake {
    struct ca_signer *ca, *other_ca;
    char url[64];
};

struct upload {
    struct tm_buf data;
};

static void put_chain(const struct ca_signer *ca, const struct tm_buf *der, bool with_ca,
                      json_t *list)
{
    struct tm_buf pem = {0};
    tm_pem_put("CERTIFICATE", der->data, der->len, PEM_STYLE_FILE, &pem);
    json_array_append_new(list, json_string(tm_buf_str(&pem)));
    if (with_ca)
        json_array_append_new(list, json_string(ca_signer_chain(ca)->pem[0]));
    tm_buf_free(&pem);
}

/* Of the certificate request, which must be signed by it. */
static EVP_PKEY *requested_key(const json_t *request)
{
    const char *text = json_string_value(json_object_get(request, "certificateSigningRequest"));
    struct tm_buf pem = {0};
    if (text != NULL && tm_b64_decode(B64_STD, text, strlen(text), &pem) != 0)
        pem.len = 0;
    BIO *bio = BIO_new_mem_buf(pem.len > 0 ? (const void *)pem.data : "", (int)pem.len);
    X509_REQ *csr = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    EVP_PKEY *pkey = csr != NULL ? X509_REQ_get_pubkey(csr) : NULL;
    if (pkey != NULL && X509_REQ_verify(csr, pkey) != 1) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    X509_REQ_free(csr);
    BIO_free(bio);
    tm_buf_free(&pem);
    return pkey;
}

/* A certificate for the key in `request`, wrong as `mode` says. */
static char *issue(const struct fake *f, const char *mode, const json_t *request)
{
    EVP_PKEY *pkey = requested_key(request);
    bool email = strncmp(mode, "email", 5) == 0;
    struct oidc_principal who = {.san_kind = email ? IDENTITY_SAN_EMAIL : IDENTITY_SAN_URI};
    struct ca_cert_spec spec = {.principal = &who};
    struct tm_buf tbs = {0};
    struct tm_buf der = {0};
    struct tm_err e = {0};
    unsigned char *spki = NULL;
    int64_t now = time(NULL) - (strcmp(mode, "expired") == 0 ? 86400 : 0);
    if (pkey == NULL || strcmp(mode, "other-key") == 0) {
        EVP_PKEY_free(pkey);
        pkey = EVP_EC_gen("P-256");
    }
    who.san =
        email ? (char *)(strcmp(mode, "email-other") == 0 ? "eve@example.com" : "dev@example.com")
              : (char *)"https://example.com/job";
    who.field[IDENTITY_ISSUER] =
        (char *)(strcmp(mode, "other-issuer") == 0 ? "https://evil.example"
                                                   : "https://issuer.example");
    who.field[IDENTITY_TOKEN_SUBJECT] =
        (char *)(strcmp(mode, "other-subject") == 0 ? "someone else" : "the job");
    spec.spki_len = (size_t)i2d_PUBKEY(pkey, &spki);
    spec.spki = spki;
    json_t *list = json_array();
    if (ca_cert_spec_init(&spec, f->ca, now, 600, &e) == 0 &&
        ca_cert_tbs(&spec, f->ca, CERT_FINAL, NULL, &tbs, &e) == 0 &&
        ca_cert_sign(&tbs, strcmp(mode, "unsigned") == 0 ? f->other_ca : f->ca, &der, &e) == 0)
        put_chain(f->ca, &der, strcmp(mode, "no-issuer") != 0, list);
    json_t *v =
        json_pack("{s:{s:{s:o}}}", "signedCertificateDetachedSct", "chain", "certificates", list);
    char *text = json_dumps(v, JSON_COMPACT);
    json_decref(v);
    OPENSSL_free(spki);
    EVP_PKEY_free(pkey);
    tm_buf_free(&tbs);
    tm_buf_free(&der);
    return text;
}

static const struct {
    const char *mode;
    unsigned status;
    const char *text;
} fixed[] = {
    {"refused", 400,
     "{\"code\":3,\"message\":\"There was an error processing the identity "
     "token\",\"details\":[]}"},
    {"garbage", 200, "<html>proxy login</html>"},
    {"garbage-500", 500, "<html>bad gateway</html>"},
    {"nothing", 200, ""},
    {"empty-chain", 200, "{\"signedCertificateEmbeddedSct\":{\"chain\":{\"certificates\":[]}}}"},
    {"no-pem", 200, "{\"signedCertificateEmbeddedSct\":{\"chain\":{\"certificates\":[\"junk\"]}}}"},
    {"numbers", 200, "{\"signedCertificateEmbeddedSct\":{\"chain\":{\"certificates\":[1]}}}"},
    {"other-shape", 200, "{\"certificates\":[]}"},
    {"twice", 200, "{\"a\":1,\"a\":2}"},
};

static char *big(void)
{
    char *text = malloc(600000);
    memset(text, ' ', 599999);
    text[599999] = '\0';
    return text;
}

static char *ca_answer(const struct fake *f, const char *mode, const struct tm_buf *body,
                       unsigned *status)
{
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (strcmp(fixed[i].mode, mode) != 0)
            continue;
        *status = fixed[i].status;
        return strdup(fixed[i].text);
    }
    if (strcmp(mode, "big") == 0)
        return big();
    json_t *request = json_loadb((const char *)body->data, body->len, 0, NULL);
    char *text = issue(f, mode, request);
    json_decref(request);
    return text;
}

/* What GitHub's runner service does: the token's audience is the one asked for. */
static char *github_answer(struct MHD_Connection *c, const char *mode, unsigned *status)
{
    const char *auth = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
    const char *aud = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "audience");
    const char *api = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "api-version");
    struct tm_buf claims = {0};
    struct tm_buf token = {0};
    char *out = NULL;
    if (auth == NULL || strcmp(auth, "Bearer runner-secret") != 0 || strcmp(mode, "denied") == 0) {
        *status = 401;
        return strdup("{\"message\":\"denied runner-secret\"}");
    }
    if (strcmp(mode, "strict") == 0 && (aud == NULL || strcmp(aud, "my audience&x=y") != 0 ||
                                        api == NULL || strcmp(api, "2.0") != 0)) {
        *status = 400;
        return strdup("{}");
    }
    if (strcmp(mode, "no-value") == 0)
        return strdup("{\"count\":1}");
    if (strcmp(mode, "garbage") == 0)
        return strdup("<html>");
    tm_buf_printf(
        &claims,
        "{\"iss\":\"https://issuer.example\",\"sub\":\"the job\",\"aud\":\"%s\",\"v\":\"%s\"}",
        aud != NULL ? aud : "", api != NULL ? api : "");
    tm_buf_puts(&token, "eyJhbGciOiJSUzI1NiJ9."); /* {"alg":"RS256"} */
    tm_b64_encode(B64_URL_BARE, claims.data, claims.len, &token);
    tm_buf_puts(&token, ".c2VjcmV0LXNpZ25hdHVyZQ");
    json_t *v = json_pack("{s:s}", "value", tm_buf_str(&token));
    out = json_dumps(v, 0);
    json_decref(v);
    tm_buf_free(&claims);
    tm_buf_free(&token);
    return out;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    const struct fake *f = arg;
    struct upload *up = *state;
    (void)version;
    (void)method;
    if (up == NULL) {
        *state = calloc(1, sizeof(*up));
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        tm_buf_append(&up->data, data, *size);
        *size = 0;
        return MHD_YES;
    }
    char mode[64] = "";
    unsigned status = 200;
    char *text;
    if (sscanf(url, "/github/%63[^/]", mode) == 1)
        text = github_answer(c, mode, &status);
    else if (sscanf(url, "/%63[^/]", mode) == 1)
        text = ca_answer(f, mode, &up->data, &status);
    else
        text = strdup("");
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static void on_done(void *arg, struct MHD_Connection *c, void **state,
                    enum MHD_RequestTerminationCode code)
{
    struct upload *up = *state;
    (void)arg;
    (void)c;
    (void)code;
    if (up != NULL)
        tm_buf_free(&up->data);
    free(up);
    *state = NULL;
}

int main(void)
{
    struct fake f = {0};
    struct tm_err e = {0};
    struct ca_signer_options o = {.backend = "ephemeral"};
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sigset_t stop;
    int got;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    f.ca = ca_signer_open(&o, time(NULL) - 90000, &e); /* old enough for the mode "expired" */
    f.other_ca = ca_signer_open(&o, time(NULL), &e);
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, &f, MHD_OPTION_SOCK_ADDR, &addr,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        d != NULL ? MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info == NULL || f.ca == NULL || f.other_ca == NULL)
        return 1;
    printf("http://127.0.0.1:%u\n", (unsigned)info->port);
    fflush(stdout);
    sigwait(&stop, &got);
    MHD_stop_daemon(d);
    ca_signer_unref(f.ca);
    ca_signer_unref(f.other_ca);
    return 0;
}
