/* tenmint show: a certificate for a person to read. */
#include <inttypes.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/certs.h"
#include "common/clock.h"
#include "common/identity.h"
#include "tools/tenmint/commands.h"
#include "tools/tenmint/scts.h"

static void print_line(const char *label, const unsigned char *text, size_t len)
{
    printf("%-34s ", label);
    cli_print_text(stdout, text, len);
    putchar('\n');
}

static void print_time(const char *label, const ASN1_TIME *t)
{
    struct tm tm;
    char text[21] = "?";
    if (ASN1_TIME_to_tm(t, &tm) == 1)
        tm_clock_format(timegm(&tm), text);
    print_line(label, (const unsigned char *)text, strlen(text));
}

static void print_san(X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        const ASN1_TYPE *other = type == GEN_OTHERNAME ? ((OTHERNAME *)value)->value : NULL;
        const ASN1_STRING *s = NULL;
        if (type == GEN_URI || type == GEN_EMAIL)
            s = value;
        else if (other != NULL && other->type == V_ASN1_UTF8STRING)
            s = other->value.utf8string;
        if (s != NULL)
            print_line("Identity", ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
        else
            printf("%-34s (a name of another kind)\n", "Identity");
    }
    GENERAL_NAMES_free(names);
}

static void print_identity(X509 *cert, const struct tm_identity_row *row)
{
    char oid[48];
    snprintf(oid, sizeof(oid), "1.3.6.1.4.1.57264.1.%u", row->arc);
    ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
    int at = obj != NULL ? X509_get_ext_by_OBJ(cert, obj, -1) : -1;
    ASN1_OBJECT_free(obj);
    if (at < 0)
        return;
    const ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(X509_get_ext(cert, at));
    const unsigned char *p = ASN1_STRING_get0_data(v);
    long len = ASN1_STRING_length(v);
    ASN1_UTF8STRING *text =
        row->encoding == IDENTITY_UTF8 ? d2i_ASN1_UTF8STRING(NULL, &p, len) : NULL;
    if (text != NULL)
        print_line(row->label, ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    else if (row->encoding == IDENTITY_RAW)
        print_line(row->label, p, (size_t)len);
    ASN1_UTF8STRING_free(text);
}

static void print_serial(const X509 *cert)
{
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = serial != NULL ? BN_bn2hex(serial) : NULL;
    if (hex != NULL)
        print_line("Serial", (const unsigned char *)hex, strlen(hex));
    OPENSSL_free(hex);
    BN_free(serial);
}

static int print_scts(X509 *cert, const struct tm_buf *detached, struct tm_err *e)
{
    struct scts_told_list all;
    if (scts_describe(cert, detached, &all, e) != 0)
        return -1;
    for (size_t i = 0; i < all.count; i++) {
        const struct scts_told *sct = &all.item[i];
        char time[21];
        tm_clock_format(sct->timestamp_ms / 1000, time);
        print_line("SCT Log", (const unsigned char *)sct->log_id, strlen(sct->log_id));
        print_line("SCT Time", (const unsigned char *)time, strlen(time));
        if (sct->has_index)
            printf("%-34s %" PRIu64 "\n", "SCT Leaf Index", sct->leaf_index);
    }
    free(all.item);
    return 0;
}

/* With the logs' keys given, the file must also hold the issuing CA's certificate. */
static int check_scts(STACK_OF(X509) * certs, const struct tm_buf *detached,
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
        printf("%-34s %s\n", "SCT Verified", "yes");
    return rc;
}

int show_command(const struct cli_command *self, int argc, char **argv)
{
    struct cli_list keys = {.count = 0};
    const char *sct = NULL;
    struct tm_buf detached = {0};
    const struct cli_option options[] = {
        {"log-key", CLI_LIST, "FILE", "verify the SCTs with a log's public key; repeatable", &keys},
        {"sct", CLI_TEXT, "FILE", "the SCT that came beside the certificate (sct.json)", &sct},
        {0},
    };
    int count = 0;
    struct tm_err e = {0};
    int code = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (code != CLI_GO_ON)
        return code;
    STACK_OF(X509) *certs = tm_certs_load_given(argv[0], &e);
    if (certs == NULL)
        return cli_fail(CLI_FAILED, &e);
    X509 *cert = sk_X509_value(certs, 0);
    print_serial(cert);
    print_time("Not before", X509_get0_notBefore(cert));
    print_time("Not after", X509_get0_notAfter(cert));
    print_san(cert);
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++)
        print_identity(cert, &tm_identity_table[i]);
    int rc = sct != NULL ? scts_read_detached(sct, &detached, &e) : 0;
    if (rc == 0)
        rc = print_scts(cert, &detached, &e);
    if (rc == 0)
        rc = check_scts(certs, &detached, &keys, &e);
    tm_buf_free(&detached);
    sk_X509_pop_free(certs, X509_free);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}
