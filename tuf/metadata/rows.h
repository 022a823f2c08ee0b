/*
 * The tables of tuf/metadata/typesjson.h: for each object of metadata its members, in tables that
 * keep what they do not know.
 */
#pragma once

#include "tuf/metadata/typesjson.h"

struct tuf_file { /* `signed` is read by the table of its role */
    struct tuf_signatures signatures;
    json_t *body;
    json_t *rest;
};

extern const struct tm_jsonmap tuf_file_map;                    /* struct tuf_file */
extern const struct tm_jsonmap tuf_signed_maps[TUF_ROLE_COUNT]; /* struct tuf_signed */
extern const struct tm_jsonmap tuf_keys_map;                    /* struct tuf_keys, in "keys" */
extern const struct tm_jsonmap tuf_role_keys_map;               /* struct tuf_role_keys */
extern const struct tm_jsonmap tuf_delegations_map;             /* struct tuf_delegations */
extern const struct tm_jsonmap tuf_delegated_map;               /* struct tuf_delegated_role */
extern const struct tm_jsonmap tuf_target_map, tuf_meta_map;    /* struct tuf_entry */
