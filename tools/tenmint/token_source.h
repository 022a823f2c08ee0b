/*
 * Where a CI job's OIDC token comes from.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"

struct token_source {
    const char *file;     /* --token-file, or NULL */
    const char *env;      /* --token-env, or NULL */
    const char *audience; /* asked of GitHub's token service */
    unsigned tries;       /* of asking it; 0: as common/fetch/again.h has it */
};

/* In order: the file, the variable, GitHub Actions' token service (ACTIONS_ID_TOKEN_REQUEST_URL
 * and _TOKEN), GitLab's SIGSTORE_ID_TOKEN. Appends the token; free with tm_buf_free_secret. */
int token_source_read(const struct token_source *s, struct tm_buf *token, struct tm_err *e);
