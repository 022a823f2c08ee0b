/*
 * What other clients cannot read: one table for propose, review and publish. Tried with cosign's
 * client (sigstore-go, go-tuf v2), go-tuf v1, python-tuf, tuf-js and tough.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/yamlmap.h"

enum tuf_feature {
    TUF_FEATURE_NAME_PERCENT,
    TUF_FEATURE_NAME_HASH,
    TUF_FEATURE_NAME_QUERY,
    TUF_FEATURE_NAME_SLASH,
    TUF_FEATURE_NAME_COLON,
    TUF_FEATURE_KEY_P384,
    TUF_FEATURE_KEYID,
    TUF_FEATURE_BINS,
    TUF_FEATURE_HASH_PREFIXES,
    TUF_FEATURE_LONG_TARGETS,
    TUF_FEATURE_COUNT
};

/* Bytes of a targets file that python-tuf and others take. */
#define READERS_TARGETS_MAX ((size_t)5000000)

/* Each of the policy's `readers` is known: cosign, go-tuf-v1, python-tuf, tuf-js, tough. */
int tuf_readers_check(const struct tm_yamlmap_list *readers, struct tm_err *e);

/* What it is, for messages: "a '%' in a target's name". */
const char *tuf_feature_words(enum tuf_feature f);
/* Who cannot read it: "cosign, python-tuf". */
const char *tuf_feature_fails(enum tuf_feature f);
/* Worth a warning although no reader is declared. */
bool tuf_feature_is_told(enum tuf_feature f);
/* The first of `readers` that cannot read it, or NULL. */
const char *tuf_feature_refused(enum tuf_feature f, const struct tm_yamlmap_list *readers);

/* Whether a target's name has the feature. */
bool tuf_feature_in_name(enum tuf_feature f, const char *name);
