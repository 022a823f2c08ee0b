/*
 * URLs as certificate names: the two normal forms that Fulcio's SANs have, which are those of
 * Go's net/url. Stricter in what makes no sense as an identity: a URL here has a scheme and a
 * host, and no user name.
 */
#ifndef TENMINT_OIDC_URL_H
#define TENMINT_OIDC_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

enum url_form {
    URL_VERBATIM, /* no URL, or as it is */
    URL_PARSED,   /* url.Parse(text).String() */
    URL_JOINED,   /* base.JoinPath(rest): all after the host is a path, and is cleaned */
};

/* The parts point into the text. */
struct url {
    const char *scheme;
    size_t scheme_len;
    const char *host; /* without the port; an IPv6 address keeps its brackets */
    size_t host_len;
    const char *rest; /* what follows host and port: path, query, fragment */
};

/* "scheme://host[:port][rest]". A '*' in the host passes where `wildcard` is set. */
bool url_split(const char *text, bool wildcard, struct url *u);

/* Appends `text` in `form`, ASCII. -1 when it is no URL; `e` does not quote it. */
int url_write(const char *text, enum url_form form, struct buf *out, struct err *e);

#endif
