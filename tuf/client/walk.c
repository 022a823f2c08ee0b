/*
 * The search for a target (spec §5.6.7): pre-order, depth first; a matching terminating
 * delegation ends it; a role is visited once for each search.
 */
#include <stdio.h>
#include <string.h>

#include "tuf/client/internal.h"

#define VISITS_MAX (TUF_DELEGATIONS_MAX + 1) /* with the top-level targets */

struct search {
    struct tuf_client *c;
    struct tuf_path path;
    char visited[VISITS_MAX][TUF_ROLE_NAME_MAX + 1];
    size_t visits;
    struct tuf_file_info *out;
    struct tuf_client_source source;
};

enum found { FOUND, GO_ON, ENDS, FAULT };

static bool seen(const struct search *s, const char *name)
{
    for (size_t i = 0; i < s->visits; i++) {
        if (strcmp(s->visited[i], name) == 0)
            return true;
    }
    return false;
}

static enum found visit(struct search *s, const char *name, const struct tuf_signers *by,
                        struct tm_err *e)
{
    struct tuf_metadata *m;
    struct tuf_delegation d;
    size_t at = 0;
    if (s->visits == VISITS_MAX) {
        tm_err_set(e, "'%.200s' is not found within %d delegated roles", s->path.text,
                   TUF_DELEGATIONS_MAX);
        return FAULT;
    }
    if (tuf_roles_load_targets(s->c, name, by, &m, e) != 0)
        return FAULT;
    if (tuf_targets_find(m, s->path.text, s->out)) {
        s->source = (struct tuf_client_source){m, name, *by, tuf_metadata_expires(m)};
        return FOUND;
    }
    snprintf(s->visited[s->visits++], sizeof(s->visited[0]), "%s", name);
    while (tuf_delegation_next(m, &s->path, &at, &d)) {
        enum found f = seen(s, d.name) ? GO_ON : visit(s, d.name, &d.signers, e);
        if (f == FOUND && tuf_metadata_expires(m) < s->source.expires_s)
            s->source.expires_s = tuf_metadata_expires(m);
        if (f != GO_ON)
            return f;
        if (d.terminating)
            return ENDS;
    }
    return GO_ON;
}

int tuf_walk_find(struct tuf_client *c, const char *name, struct tuf_file_info *out,
                  struct tuf_client_source *source, struct tm_err *e)
{
    struct search s = {.c = c, .out = out};
    struct tuf_signers by;
    if (tuf_path_init(&s.path, name, e) != 0)
        return -1;
    tuf_root_signers(c->top[TUF_ROOT], TUF_TARGETS, &by);
    enum found f = visit(&s, "targets", &by, e);
    if (f == FOUND && source != NULL)
        *source = s.source;
    if (f == FOUND)
        return 0;
    return f == FAULT ? -1 : tm_err_set(e, "'%.200s' is not among the repository's targets", name);
}
