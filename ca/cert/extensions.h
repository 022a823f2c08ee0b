/*
 * The leaf's extensions, by one table in certificate order.
 */
#pragma once

#include "ca/cert/cert.h"

/* Appends the [3] element with all extensions that apply. */
int ca_extensions_put(const struct ca_cert_spec *spec, const struct ca_signer *ca,
                      enum ca_cert_form form, const struct tm_buf *sct_list, struct tm_buf *b,
                      struct tm_err *e);
