/*
 * URLs as certificate names: the two normal forms that Fulcio's SANs have, which are those of
 * Go's net/url. Stricter in what makes no sense as an identity: a URL here has a scheme and a
 * host, and no user name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

enum oidc_url_form {
    URL_VERBATIM,    /* no URL, or as it is */
    URL_PARSED,      /* url.Parse(text).String() */
    URL_SENT,        /* the same, of a text that is a URL already and not made of names */
    URL_JOINED,      /* base.JoinPath(rest): all after the host is a path, and is cleaned */
    URL_JOINED_GAPS, /* the same, where a name may be empty: such segments are no other's URL */
};

/* The parts point into the text. */
struct oidc_url {
    const char *scheme;
    size_t scheme_len;
    const char *host; /* without the port; an IPv6 address keeps its brackets */
    size_t host_len;
    const char *rest; /* what follows host and port: path, query, fragment */
};

/* "scheme://host[:port][rest]". A '*' in the host passes where `wildcard` is set. */
bool oidc_url_split(const char *text, bool wildcard, struct oidc_url *u);

/* Appends `text` in `form`, ASCII. -1 when it is no URL; `e` does not quote it. */
int oidc_url_write(const char *text, enum oidc_url_form form, struct tm_buf *out, struct tm_err *e);

/*
 * The same for an identity: refuses a text if another one gives the same URL, as whoever may choose
 * one name (a branch) could take the identity of the other. In names, "a b" and "a%20b" meet: the
 * escape is refused; of a URL that was sent, the blank. An empty fragment is left out when it is
 * written, and dot and empty segments are when paths are joined: refused too.
 */
int oidc_url_write_unique(const char *text, enum oidc_url_form form, struct tm_buf *out,
                          struct tm_err *e);
