/* Inside oidc/trust only: rules while they are read. */
#pragma once

#include "common/pattern.h"
#include "common/yamldoc.h"
#include "oidc/trust/rules.h"

enum oidc_rule_way { /* how a claim is held against a text */
                     RULE_IS,
                     RULE_GLOB,
                     RULE_MATCH,
                     RULE_WAYS
};

struct oidc_rule_list {
    struct oidc_rule *item; /* owned */
    size_t count;
};

struct oidc_rule { /* one of: a claim and texts, any-of, all-of */
    char *claim;   /* a name, or a path that begins with '$'; NULL: a combination */
    enum oidc_rule_way way;
    char **text; /* owned, one must match */
    size_t text_count;
    struct tm_pattern **pattern; /* owned, one a text; NULL: RULE_IS */
    bool any;                    /* of a combination: one part suffices */
    struct oidc_rule_list part;
};

struct oidc_rules {
    struct oidc_rule_list all;
};

extern const char *const oidc_rule_ways[RULE_WAYS]; /* the keys */

/* A list of rules; *out is NULL for an empty value. Errors begin with "name:line: ". */
int oidc_rules_read(struct tm_yamldoc *d, yaml_node_t *v, struct oidc_rules **out);

/* A glob as a regular expression for PATTERN_WHOLE. */
void oidc_rules_glob(const char *glob, struct tm_buf *out);
