/*
 * The leaf's extensions, by one table in certificate order.
 */
#ifndef TENMINT_CA_CERT_EXTENSIONS_H
#define TENMINT_CA_CERT_EXTENSIONS_H

#include "ca/cert/cert.h"

/* Appends the [3] element with all extensions that apply. */
int extensions_put(const struct cert_spec *spec, const struct signer *ca, enum cert_form form,
                   const struct buf *sct_list, struct buf *b, struct err *e);

#endif
