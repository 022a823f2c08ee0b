/*
 * The issuers that a service (service.h) trusts: where their list is from, when it changes, and
 * what is said of that. It is a file's, the command line's, or one that a threshold has signed.
 */
#pragma once

#include "tools/tenmint-ca/serve/service.h"

/* The list to begin with, to be let go of by oidc_trust_unref; `text`: the command line's, or NULL.
 * Nothing is in force yet. */
int service_trust_first(struct service *s, const char *text, struct oidc_trust **out,
                        struct tm_err *e);

/* From now on a signed list is fetched again, and in force when it is another one. */
int service_trust_keep(struct service *s, struct tm_err *e);

/* Log and trail have what differs from `before` (NULL: what there is at the start), and by whose
 * signatures, of a signed list (`by`; NULL: another). */
void service_trust_say(const struct service *s, const struct oidc_trust *before,
                       const struct oidc_trust *after, const struct approved_list *by);

/* What has come to pass, and a list that has changed; with `force` it is read in any case. A bad
 * one is logged and leaves the old in force. */
void service_trust_reload(struct service *s, bool force);
