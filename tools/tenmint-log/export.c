/* log export: entries out of the log, each proven to be in the signed tree. */
#include <inttypes.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/log/monitor/signed.h"
#include "common/b64.h"
#include "common/file.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-log/commands.h"
#include "tools/tenmint-log/print.h"
#include "tools/tenmint-log/target.h"

struct export
{
    const char *dir; /* NULL: standard output */
    struct log_range range;
    struct log_unreadable unreadable; /* of those that are written with what they say */
    int (*write)(struct export * x, uint64_t index, const struct tm_entry *n, struct tm_err *e);
};

/* What was submitted: the certificate, or the precertificate with its poison. */
static const unsigned char *der_of(const struct tm_entry *n, size_t *len)
{
    bool precert = n->logged.type == SCT_PRECERT;
    *len = precert ? n->precert_len : n->logged.cert_len;
    return precert ? n->precert : n->logged.cert;
}

static json_t *json_b64(const void *data, size_t len)
{
    struct tm_buf b = {0};
    tm_b64_encode(B64_STD, data, len, &b);
    json_t *v = json_stringn((const char *)b.data, b.len);
    tm_buf_free(&b);
    return v;
}

/* The text as it is hashed goes along: it is JSON in canonical form, and its bytes count. */
static int write_signed(struct export *x, uint64_t index, const struct tm_entry *n,
                        struct tm_err *e)
{
    struct ca_signed_entry s;
    struct tm_err why = {0};
    if (ca_signed_entry_read(n->text, n->text_len, &s, &why) != 0)
        log_unreadable_add(&x->unreadable, index, &why);
    ca_signed_entry_free(&s);
    json_t *o = log_entry_json(index, n);
    json_object_set_new(o, "body", json_b64(n->text, n->text_len));
    return cli_print_json(o, e);
}

static int write_json(struct export *x, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    size_t len;
    struct ca_certificate c;
    struct tm_err why;
    if (n->text != NULL)
        return write_signed(x, index, n, e);
    const unsigned char *der = der_of(n, &len);
    if (ca_certificate_read(&n->logged, &c, &why) != 0)
        log_unreadable_add(&x->unreadable, index, &why);
    json_t *o = log_entry_json(index, n);
    json_object_set_new(o, "der", json_b64(der, len));
    return cli_print_json(o, e);
}

static int write_file(struct export *x, uint64_t index, const char *suffix, const void *data,
                      size_t len, struct tm_err *e)
{
    char name[40];
    char path[4096];
    snprintf(name, sizeof(name), "%012" PRIu64 ".%s", index, suffix);
    if (tm_file_join(x->dir, name, path, sizeof(path), e) != 0)
        return -1;
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return tm_err_errno(e, "'%s'", path);
    bool ok = fwrite(data, 1, len, f) == len;
    return fclose(f) == 0 && ok ? 0 : tm_err_errno(e, "'%s'", path);
}

static int write_der(struct export *x, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    size_t len;
    const unsigned char *der = der_of(n, &len);
    return write_file(x, index, "der", der, len, e);
}

static int write_pem(struct export *x, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    size_t len;
    const unsigned char *der = der_of(n, &len);
    BIO *mem = BIO_new(BIO_s_mem());
    char *text = NULL;
    int rc = mem != NULL && PEM_write_bio(mem, "CERTIFICATE", "", der, (long)len) > 0
                 ? 0
                 : tm_err_set(e, "out of memory");
    long size = rc == 0 ? BIO_get_mem_data(mem, &text) : 0;
    if (rc == 0 && x->dir != NULL)
        rc = write_file(x, index, "pem", text, (size_t)size, e);
    else if (rc == 0 && fwrite(text, 1, (size_t)size, stdout) != (size_t)size)
        rc = tm_err_errno(e, "standard output");
    BIO_free(mem);
    return rc;
}

static int on_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    struct export *x = ctx;
    return x->write(x, index, n, e);
}

static const char *const format_names[] = {"json", "pem", "der", NULL};

static int set_format(struct export *x, const char *format, struct tm_err *e)
{
    static const struct {
        const char *name;
        int (*write)(struct export *x, uint64_t index, const struct tm_entry *n, struct tm_err *e);
        bool needs_dir, takes_dir;
    } formats[] = {{"json", write_json, false, false},
                   {"pem", write_pem, false, true},
                   {"der", write_der, true, true}};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i].name, format) != 0)
            continue;
        x->write = formats[i].write;
        if (formats[i].needs_dir && x->dir == NULL)
            return tm_err_set(e, "--format %s needs --out DIR", format);
        if (!formats[i].takes_dir && x->dir != NULL)
            return tm_err_set(e, "--format %s goes to standard output: --out is for pem and der",
                              format);
        return x->dir != NULL ? tm_file_mkdirs(x->dir, 0755, e) : 0;
    }
    return tm_err_set(e, "internal error: format '%s'", format);
}

static int work(void *ctx, struct log_target *t, struct tm_err *e)
{
    struct export *x = ctx;
    const struct ca_scan_sink sink = {x, on_entry, NULL};
    struct cli_progress progress;
    bool quiet = x->dir != NULL || !isatty(STDOUT_FILENO); /* no entries on the same terminal */
    log_target_warn(t);
    if (x->write != write_json && ca_log_source_signatures(t->source)) {
        tm_err_set(e, "a log of signatures is exported with --format json: its entries are texts");
        return CLI_USAGE;
    }
    if (log_target_scan(t, &x->range, &sink, quiet ? &progress : NULL, e) != 0)
        return CLI_FAILED;
    return log_unreadable_end(&x->unreadable, t->head.tree.size, e);
}

int command_log_export(const struct cli_command *self, int argc, char **argv)
{
    struct log_flags f = LOG_FLAGS_INIT;
    struct export x = {.dir = NULL};
    struct cli_choice format = {.value = format_names[0], .of = format_names};
    struct log_range_flags range = LOG_RANGE_INIT;
    const struct cli_option options[] = {
        {"format", CLI_CHOICE, "NAME", "json (a line each), pem or der (a file each)", &format},
        {"out", CLI_TEXT, "DIR", "where the files go, NUMBER.pem or NUMBER.der", &x.dir},
        LOG_RANGE_OPTIONS(range),
        LOG_OPTIONS(f),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    if (set_format(&x, format.value, &e) != 0 || log_range_check(&range, &x.range, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    return log_target_run(argv[0], &f, false, work, &x);
}
