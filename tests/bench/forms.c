/*
 * What each form of request costs the server, against what its cryptography costs: key and proof of
 * three types, and a certificate signing request. Limit and load take turns in short slices.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

#define SLICES 9
#define WARM_UP 256
#define CSR_GOAL 1.1 /* CPU of a certificate by CSR against one by proof */

const struct form_row form_rows[FORMS] = {
    [FORM_P256] = {"P-256 proof", "EC", 0, "SHA256", false, REQUESTS, 0.74},
    [FORM_CSR] = {"P-256 CSR", "EC", 0, "SHA256", true, REQUESTS, 0},
    [FORM_ED25519] = {"Ed25519 proof", "ED25519", 0, NULL, false, REQUESTS, 0.65},
    [FORM_RSA_2048] = {"RSA-2048 proof", "RSA", 2048, "SHA256", false, 4, 0.5},
    [FORM_RSA_4096] = {"RSA-4096 proof", "RSA", 4096, "SHA256", false, 2, 0.5},
};

EVP_PKEY *form_key(enum form f)
{
    const struct form_row *r = &form_rows[f];
    EVP_PKEY *key = r->bits != 0                 ? EVP_PKEY_Q_keygen(NULL, NULL, r->type, r->bits)
                    : strcmp(r->type, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                                 : EVP_PKEY_Q_keygen(NULL, NULL, r->type);
    if (key == NULL)
        exit(1);
    return key;
}

struct row {
    double cpu_us[SLICES];
    double limit_us[SLICES];
    double fraction[SLICES];
};

static double median(const double *values)
{
    double sorted[SLICES];
    memcpy(sorted, values, sizeof(sorted));
    qsort(sorted, SLICES, sizeof(*sorted), by_value);
    return sorted[SLICES / 2];
}

static void run_slice(const struct target *t, enum form f, struct row *r, int slice, long n)
{
    client_choose(f);
    r->limit_us[slice] = limit_measure_us(f, 1);
    double cpu = process_cpu_us(t->pid);
    (void)client_run(t, n);
    r->cpu_us[slice] = (process_cpu_us(t->pid) - cpu) / (double)n;
    r->fraction[slice] = r->limit_us[slice] / r->cpu_us[slice];
}

static void print_row(enum form f, const struct row *r)
{
    char label[128];
    snprintf(label, sizeof(label), "%s: CPU per certificate, crypto limit", form_rows[f].name);
    report(label, "%.1f us, %.1f us", median(r->cpu_us), median(r->limit_us));
    snprintf(label, sizeof(label), "%s: fraction of the crypto limit", form_rows[f].name);
    if (form_rows[f].goal > 0)
        report_at_least(label, median(r->fraction), form_rows[f].goal);
    else
        report(label, "%.2f", median(r->fraction));
}

void measure_forms(const struct target *t, long requests)
{
    static struct row rows[FORMS];
    for (enum form f = 0; f < FORMS; f++) {
        client_choose(f);
        (void)client_run(t, WARM_UP);
    }
    for (int i = 0; i < SLICES; i++) {
        for (enum form f = 0; f < FORMS; f++)
            run_slice(t, f, &rows[f], i, requests / SLICES);
    }
    double ratio[SLICES];
    for (int i = 0; i < SLICES; i++)
        ratio[i] = rows[FORM_CSR].cpu_us[i] / rows[FORM_P256].cpu_us[i];
    for (enum form f = 0; f < FORMS; f++)
        print_row(f, &rows[f]);
    report_at_most("P-256 CSR: CPU per certificate against proof", median(ratio), CSR_GOAL);
}
