/*
 * rotate, where the CA's key is in a token: its label is what changes in the configuration.
 */
#pragma once

#include <stdint.h>

#include "ca/config/config.h"

#define ROTATE_LABEL_MAX 256
#define ROTATE_LABEL_FILE "pkcs11-label" /* of a pair that waits: its key's label */

/* A label that no key of the token has: `label` with the time in place of an earlier one's. */
void rotate_next_label(const char *label, int64_t now_s, char out[ROTATE_LABEL_MAX]);

/* The label beside the pair in `dir`, for the day when it is put in service; written once. */
int rotate_write_label(const char *dir, const char *label, struct tm_err *e);
int rotate_read_label(const char *dir, char label[ROTATE_LABEL_MAX], struct tm_err *e);

/* Makes `label` the CA key's in the configuration file, which `c` was read from; the file is
 * replaced as a whole, and nothing else in it changes. */
int rotate_set_label(const char *path, const struct ca_config *c, const char *label,
                     struct tm_err *e);
