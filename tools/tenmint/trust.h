/*
 * What `tenmint trust` and `tenmint verify` share: a TUF client from the command line's options
 * and from what `tenmint trust init` noted in the cache.
 */
#pragma once

#include "tools/shared/cli.h"
#include "tuf/client/client.h"
#include "tuf/verify/trust/trusted_root.h"

struct trust_source {
    const char *dir;  /* the cache; NULL: $XDG_DATA_HOME/tenmint/trust, or below ~/.local/share */
    const char *root; /* a root file, which then always beats the cache; or NULL */
    struct cli_list metadata_urls; /* mirrors; none: those noted by `trust init` */
    struct cli_list targets_urls;
    const char *ca_cert; /* PEM file of extra CAs for https; or NULL */
    bool offline;
    bool allow_http;
    unsigned tries; /* 0: as common/fetch/again.h has it */
};

/* Rows for the command's table of options, in place of which `source` is filled. */
#define TRUST_OPTIONS(source) \
    {"dir", CLI_TEXT, "DIR", \
     "the folder to work in: the trust's cache (~/.local/share/tenmint/trust)", &(source)->dir}, \
        {"root", CLI_TEXT, "FILE", "begin from this root file, whatever the cache holds", \
         &(source)->root}, \
        {"metadata-url", CLI_LIST, "URL", "mirror of the metadata, or a directory; repeatable", \
         &(source)->metadata_urls}, \
        {"targets-url", CLI_LIST, "URL", "mirror of the targets (default METADATA-URL/targets)", \
         &(source)->targets_urls}, \
        {"ca-cert", CLI_TEXT, "FILE", "PEM of further CAs to trust for https", \
         &(source)->ca_cert}, \
        {"offline", CLI_FLAG, NULL, "send no request: the cache, within its expiry", \
         &(source)->offline}, \
    { \
        "allow-http", CLI_FLAG, NULL, "plain http beyond loopback", &(source)->allow_http \
    }

/* Opens the client. NULL with `e` set. */
struct tuf_client *trust_open(const struct trust_source *source, struct tm_err *e);

/* As trust_open, then refreshes; on failure the error ends with what to do about it. */
struct tuf_client *trust_refreshed(const struct trust_source *source, struct tm_err *e);

/* Whom to trust: the file when there is one, else the refreshed target trusted_root.json. NULL with
 * `e` set. */
struct tuf_trusted_root *trust_read_root(const struct trust_source *source, const char *file,
                                         struct tm_err *e);

/* The cache's directory into out[size]. */
int trust_dir(const struct trust_source *source, char *out, size_t size, struct tm_err *e);

/* Notes the mirrors in the cache for later runs. */
int trust_note_mirrors(const char *dir, const struct trust_source *source, struct tm_err *e);

/* Appends the ClientTrustConfig of the refreshed targets. */
int trust_client_config(struct tuf_client *c, struct tm_buf *out, struct tm_err *e);
/* Writes it to `path`; NULL: to standard output. */
int trust_write_client_config(struct tuf_client *c, const char *path, struct tm_err *e);

/* Appends the address of the first mirror, given or noted, that others can reach too. */
int trust_web_mirror(const struct trust_source *source, struct tm_buf *out, struct tm_err *e);

/* The state of the top-level roles on standard output; warnings of a near expiry on standard
 * error (in JSON: inside). */
void trust_report(const struct tuf_client *c, const char *dir, bool json);
