/*
 * What `init --all` makes beside the CA and its log: a signature log, a timestamp authority, a TUF
 * repository that names them all, and their sections of the configuration.
 */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/key/key.h"

#define INIT_ALL_TEXT 300

struct init_all {             /* borrowed */
    const char *url;          /* of all services, without a path; NULL: --all is not asked for */
    char host[INIT_ALL_TEXT]; /* of it, bare: the signature log's name */
    char authority[INIT_ALL_TEXT];   /* host and port as the URL has them */
    char log_origin[INIT_ALL_TEXT];  /* of the log of certificates */
    char listen[INIT_ALL_TEXT];      /* HOST:PORT */
    struct tm_key_source signatures; /* in a token; pkcs11_module NULL: a file */
    struct tm_key_source timestamps; /* likewise */
    const char *organization, *key_type;
};

/* Takes the address apart. -1: clients could not use it. */
int init_all_read_url(struct init_all *a, struct tm_err *e);

/* The services' keys and files in `dir`, where the CA and its log are. */
int init_all_make(const struct init_all *a, const char *dir, const char *password, int64_t now_s,
                  struct tm_err *e);

/* `anchor`: as setup_put_anchor. */
void init_all_put_config(const struct init_all *a, const char *anchor, struct tm_buf *out);
void init_all_print(const struct init_all *a, const char *dir);
