/* What a certificate and its SCTs say. */
#pragma once

#include "tools/tenmint/facts.h"
#include "tools/tenmint/scts.h"

/* A certificate with its identity extensions named, and its SCTs, embedded or `detached`. */
int show_certificate(struct facts *f, X509 *cert, const struct tm_buf *detached, struct tm_err *e);
void show_scts(struct facts *f, const struct scts_told_list *all);
